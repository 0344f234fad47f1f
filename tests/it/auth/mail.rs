//! A mail leaves over SMTP, to a server on a real socket.

mod real;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use countersign::store::Outbox;

use super::*;

/// Takes one mail as RFC 5321 has it, and returns its envelope and content.
async fn take_one_mail(listener: TcpListener) -> (Vec<String>, String) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    let (mut envelope, mut content) = (vec![], String::new());
    say(&mut stream, "220 mail.example").await;
    loop {
        let line = hear(&mut stream).await;
        let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
        match verb.as_str() {
            "MAIL" | "RCPT" => {
                envelope.push(line);
                say(&mut stream, "250 OK").await;
            }
            "DATA" => {
                say(&mut stream, "354 go on").await;
                loop {
                    let line = hear(&mut stream).await;
                    if line == "." {
                        break;
                    }
                    content.push_str(&line);
                    content.push('\n');
                }
                say(&mut stream, "250 taken").await;
                return (envelope, content);
            }
            _ => say(&mut stream, "250 mail.example").await,
        }
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) {
    let line = format!("{line}\r\n");
    stream.write_all(line.as_bytes()).await.unwrap();
}

async fn hear(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    line.trim_end_matches(['\r', '\n']).to_owned()
}

#[tokio::test]
async fn an_invitation_reaches_the_mail_server_and_leaves_the_outbox() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lines = format!(
        "[mail]\ntransport = \"smtp\"\nurl = \"smtp://{}\"\nfrom = \"The door <door@id.example>\"\n",
        listener.local_addr().unwrap()
    );
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
    let house = Arc::new(House::over(Arc::new(Gated::new()), clock, &lines));
    let email = Email::parse("jo@example.org").unwrap();
    let invited = house
        .auth
        .accounts
        .invite(email, Role::member(), &house.action())
        .await;
    let link = invited.unwrap().link;
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    let running = Arc::clone(&house);
    let running = tokio::spawn(async move { running.auth.run(shutdown).await });
    let taken = tokio::time::timeout(30 * SECOND, take_one_mail(listener)).await;
    let (envelope, content) = taken.unwrap();
    assert_eq!(
        envelope
            .iter()
            .map(|line| line.to_ascii_lowercase())
            .collect::<Vec<_>>(),
        ["mail from:<door@id.example>", "rcpt to:<jo@example.org>"]
    );
    assert!(content.contains("Subject: You are invited\n"), "{content}");
    // Quoted-printable breaks long lines and writes `=` as `=3D`.
    let plain = content.replace("=\n", "").replace("=3D", "=");
    assert!(plain.contains(link.as_str()), "{content}");
    let later = house.now().wall.after(3600 * SECOND);
    let leaves = async {
        while !house
            .store
            .claim_mails(later, later, 10)
            .await
            .unwrap()
            .is_empty()
        {
            tokio::time::sleep(SECOND / 100).await;
        }
    };
    tokio::time::timeout(30 * SECOND, leaves).await.unwrap();
    stop.send(true).unwrap();
    running.await.unwrap();
}
