//! Whose a client's certificate is, by what it says.
//!
//! One name decides: a URI `urn:countersign:user:ID` among the alternative names, else an e-mail address there, else the
//! subject's common name, which is a login name or an address. Two of the kind that decides are nobody's.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::model::account::{Email, Identifier, Username};
use crate::model::certificate::{ClientCertificate, Holder};
use crate::model::id::AccountId;
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;

/// How the id of an account stands in a URI.
const ID_URI: &str = "urn:countersign:user:";

/// Reads a certificate that was verified; `None` if it names nobody, or more than one.
pub(super) fn read(der: &CertificateDer<'_>) -> Option<ClientCertificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some(ClientCertificate {
        holder: holder(&certificate)?,
        digest: TokenDigest::of_certificate(der),
        issued_at: Timestamp::from_seconds(validity.not_before.timestamp()),
        expires_at: Timestamp::from_seconds(validity.not_after.timestamp()),
    })
}

fn holder(certificate: &X509Certificate<'_>) -> Option<Holder> {
    let names = certificate.subject_alternative_name().ok()?;
    let names = names.map_or(&[][..], |it| &it.value.general_names);
    let ids: Vec<&str> = names.iter().filter_map(id).collect();
    let emails: Vec<&str> = names.iter().filter_map(email).collect();
    let common: Vec<_> = certificate.subject().iter_common_name().collect();
    match (&ids[..], &emails[..], &common[..]) {
        ([id], ..) => AccountId::parse(id).ok().map(Holder::Id),
        ([], [email], _) => of_email(email),
        ([], [], [name]) => named(name.as_str().ok()?),
        _ => None,
    }
}

fn named(name: &str) -> Option<Holder> {
    if name.contains('@') {
        return of_email(name);
    }
    let parsed = Username::parse(name).ok()?;
    // What was changed by reading it is not what the authority signed.
    (parsed.as_str() == name).then(|| Holder::Username(Identifier::of(name)))
}

fn of_email(email: &str) -> Option<Holder> {
    let parsed = Email::parse(email).ok()?;
    (parsed.as_str() == email).then(|| Holder::Email(Identifier::of(email)))
}

fn id<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    if let GeneralName::URI(uri) = name {
        uri.strip_prefix(ID_URI)
    } else {
        None
    }
}

fn email<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    if let GeneralName::RFC822Name(email) = name {
        Some(*email)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    /// Whom a certificate names that has these names.
    fn named(uris: &[&str], emails: &[&str], common: Option<&str>) -> Option<Holder> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(common) = common {
            params.distinguished_name.push(DnType::CommonName, common);
        }
        let uris = uris
            .iter()
            .map(|it| SanType::URI((*it).try_into().unwrap()));
        let emails = emails
            .iter()
            .map(|it| SanType::Rfc822Name((*it).try_into().unwrap()));
        params.subject_alt_names = uris.chain(emails).collect();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        read(certificate.der()).map(|it| it.holder)
    }

    #[test]
    fn one_name_decides_and_two_of_its_kind_are_nobodys() {
        let id = |text: &str| Some(Holder::Id(AccountId::parse(text).unwrap()));
        let email = |text: &str| Some(Holder::Email(Identifier::of(text)));
        let name = |text: &str| Some(Holder::Username(Identifier::of(text)));
        let (a, b) = ("urn:countersign:user:a", "urn:countersign:user:b");
        let (jo, al) = ("jo@example.org", "al@example.org");
        for (uris, emails, common, holder) in [
            (&[a][..], &[jo][..], Some("jo"), id("a")),
            (&[a, b], &[jo], Some("jo"), None),
            (&[a, "urn:other:b"], &[], None, id("a")),
            (&["urn:other:b"], &[jo], Some("al"), email(jo)),
            (&["urn:countersign:user:"], &[jo], None, None),
            (&["urn:countersign:user:a b"], &[jo], None, None),
            (&[], &[jo, al], Some("jo"), None),
            (&[], &["no address"], Some("jo"), None),
            (&[], &[], Some("jo"), name("jo")),
            (&[], &[], Some(jo), email(jo)),
            (&[], &[], Some("jo "), None),
            (&[], &[], Some(""), None),
            (&[], &[], None, None),
        ] {
            assert_eq!(
                named(uris, emails, common),
                holder,
                "{uris:?} {emails:?} {common:?}"
            );
        }
    }
}
