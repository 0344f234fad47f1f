//! What every store promises: one suite, over each of them. What only a file can do wrong is in `file`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails where it stands"
)]

mod accounts;
mod clients;
mod codes;
mod connections;
mod consents;
mod factors;
mod file;
mod fixture;
mod journal;
mod outbox;
mod races;
mod rotation;
mod sessions;
mod tickets;

/// Makes a test of each promise for each store.
macro_rules! promises {
    ($($area:ident: $($promise:ident)*;)*) => {
        mod memory {
            $(mod $area {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    crate::store::$area::$promise(crate::store::fixture::memory()).await;
                }
            )*})*
        }

        mod sqlite {
            $(mod $area {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let (store, _directory) = crate::store::fixture::sqlite();
                    crate::store::$area::$promise(store).await;
                }
            )*})*
        }
    };
}

promises! {
    accounts:
        an_account_reads_back_as_it_was_made
        an_account_is_found_by_all_it_may_type
        accounts_are_listed_oldest_first
        what_is_taken_is_refused_and_nothing_is_made
        an_invitation_lets_one_register_once
        a_link_that_is_no_invitation_invites_nobody
        a_change_is_made_audited_and_fed
        a_change_to_what_is_taken_changes_nothing
        an_address_that_is_another_accounts_is_shown_and_no_more
        an_address_that_was_given_up_is_free
        disabling_ends_every_session
        a_new_password_ends_logins_but_one_and_no_api_token
        a_first_password_is_given_once
        what_is_no_matter_of_trust_ends_nothing
        a_deleted_account_leaves_its_audit_records_alone
        a_password_is_rehashed_only_if_it_is_still_the_old_one
        a_newer_link_replaces_an_older_one
        a_link_ends_with_its_time
        an_address_is_confirmed_once_and_only_while_pending
        an_address_that_nobody_proved_finds_whoever_gave_it_beside_its_owner
        what_concerns_nobody_is_missing;
    clients:
        a_client_reads_back_and_its_id_is_taken
        a_removed_client_takes_its_sessions_along
        an_account_stands_to_a_client_as_it_behaved
        a_refusal_ends_the_sessions_with_that_client_alone
        a_refusal_needs_both_sides;
    consents:
        a_consent_is_remembered_until_a_refusal
        a_consent_needs_both_sides
        an_account_knows_the_clients_it_met;
    sessions:
        a_token_stands_for_its_account_as_it_is_now
        a_session_opens_only_for_who_may
        what_is_random_and_yet_there_already_is_corrupt
        a_session_is_audited_as_what_it_is
        a_token_is_added_to_an_open_session_alone
        a_single_use_token_is_used_once_and_in_time
        a_single_use_token_gives_its_place_to_another_or_stays
        a_revoked_token_leaves_its_session
        ended_sessions_are_told_of_one_by_one
        logging_out_elsewhere_spares_this_session_and_api_tokens
        sessions_are_listed_newest_first_with_their_last_use
        a_session_lasts_as_long_as_its_last_token
        what_expired_is_forgotten_bit_by_bit;
    rotation:
        a_refresh_puts_successors_in_the_place_of_the_old
        a_repetition_in_time_is_answered_alike
        a_repetition_in_time_is_answered_though_the_token_expired
        a_repetition_too_late_ends_the_session
        what_is_no_good_refresh_token_is_unknown
        only_tokens_of_the_same_kind_are_replaced;
    codes:
        a_good_code_adds_its_token_and_is_used_up
        a_code_is_good_in_its_time_and_session_alone
        a_newer_code_takes_the_place_of_the_older
        wrong_tries_end_a_code_whichever_session_made_them
        an_account_has_so_many_wrong_tries_in_so_long
        mails_are_counted_on_the_account
        what_is_refused_changes_nothing
        an_ended_session_has_no_code
        old_codes_and_attempts_are_swept;
    factors:
        an_app_counts_from_its_first_code_on
        a_totp_code_is_taken_once_and_none_before_it
        a_recovery_code_is_good_once_and_for_its_account
        keys_read_back_and_each_is_known_once
        a_keys_counter_goes_up_or_stays_at_zero
        wrong_factors_are_counted_with_wrong_codes
        recovery_codes_go_with_the_last_other_factor
        a_removal_is_told_and_a_reset_takes_everything
        factors_need_an_account_and_go_with_it;
    tickets:
        a_ticket_is_used_once_and_in_time
        a_ticket_goes_with_what_made_it_good
        old_tickets_are_swept;
    connections:
        a_connection_reads_back_and_is_linked_once
        connections_are_listed_oldest_first_and_removed_once
        a_connection_goes_with_its_account;
    journal:
        the_feed_is_read_in_order_and_in_portions
        a_forgotten_feed_goes_on_counting
        an_event_is_written_down_as_it_was
        records_are_read_from_a_time_on
        a_signing_key_is_added_by_the_first_alone;
    outbox:
        a_mail_is_queued_with_its_change_and_not_without
        a_claimed_mail_is_nobody_elses_for_a_while
        a_failed_mail_waits_and_counts;
    races:
        of_two_refreshes_one_is_first
        a_single_use_token_is_used_by_one
        no_session_outlives_a_disabled_account
        of_two_accounts_with_one_address_one_is_made
        a_code_is_good_for_one
        a_factor_is_good_for_one
        a_ticket_is_used_by_one
        no_more_tries_than_there_are_count;
}
