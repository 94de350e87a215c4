//! The inbox in a real Postgres: commits that are none, timeouts, schemas, and clocks.

use std::sync::Arc;

use events_runtime::inbox::InboxError;
use events_server_tests::billing::{bill, billing, count, server};
use events_tests::inbox::event;
use tokio_postgres::Client;

#[tokio::test]
async fn work_that_continues_after_a_failed_statement_is_an_error() {
    let inbox = billing();
    let (_server, mut client) = server(&inbox).await;
    client.batch_execute("CREATE UNIQUE INDEX ON receipts (number)").await.expect("made");
    client.batch_execute("INSERT INTO receipts VALUES (1)").await.expect("inserted");
    let (first, mut outcomes) = (event(1), Vec::new());
    let swallowed = inbox.once(&mut client, &first, async |transaction| {
        transaction.execute("INSERT INTO receipts VALUES (2)", &[]).await?;
        transaction.execute("INSERT INTO receipts VALUES (1)", &[]).await.expect_err("it is there");
        Ok(())
    });
    outcomes.push(swallowed.await);
    // The work ends the transaction itself, and starts another.
    for more in ["ROLLBACK", "ROLLBACK; BEGIN; INSERT INTO receipts VALUES (3)", "ROLLBACK AND CHAIN"] {
        let work =
            async |transaction: &tokio_postgres::Transaction<'_>| Ok(transaction.batch_execute(more).await?);
        outcomes.push(inbox.once(&mut client, &first, work).await);
    }
    for outcome in outcomes {
        let error = outcome.expect_err("the event is not remembered");
        assert!(matches!(&error, InboxError::RolledBack { .. }) && !error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains("savepoint"), "{error}");
    }
    assert_eq!((count(&client, "receipts").await, count(&client, "events_inbox").await), (1, 0));
    // With a savepoint, an error may be tolerated.
    let with_savepoint = inbox.once(&mut client, &first, async |transaction| {
        transaction.batch_execute("INSERT INTO receipts VALUES (2); SAVEPOINT tolerant").await?;
        transaction.execute("INSERT INTO receipts VALUES (1)", &[]).await.expect_err("it is there");
        Ok(transaction.batch_execute("ROLLBACK TO tolerant").await?)
    });
    assert_eq!(with_savepoint.await.expect("no fault"), Some(()));
    assert_eq!((count(&client, "receipts").await, count(&client, "events_inbox").await), (2, 1));
}

#[tokio::test]
async fn a_manual_commit_goes_through_the_inbox_which_checks_it() {
    let inbox = billing();
    let (_server, mut client) = server(&inbox).await;
    for level in ["read committed", "repeatable read", "serializable"] {
        client
            .batch_execute(&format!("TRUNCATE events_inbox; SET default_transaction_isolation = '{level}'"))
            .await
            .expect("set");
        for fails in [true, false] {
            let transaction = client.transaction().await.expect("begun");
            assert!(inbox.insert(&transaction, &event(1)).await.expect("asked").is_first());
            if fails {
                transaction.execute("SELECT 1 / 0", &[]).await.expect_err("no number");
            }
            let committed = inbox.commit(transaction, &event(1)).await;
            assert_eq!(committed.is_err(), fails, "{level}: {committed:?}");
            assert!(committed.err().is_none_or(|error| matches!(error, InboxError::RolledBack { .. })));
            assert_eq!(count(&client, "events_inbox").await, i64::from(!fails));
        }
    }
    // As text.
    client.batch_execute("RESET default_transaction_isolation").await.expect("set");
    let transaction = client.transaction().await.expect("begun");
    let statements = inbox.statements();
    let id = event(2).id();
    assert_eq!(transaction.execute(&statements.insert, &[&"billing", &id]).await.expect("inserted"), 1);
    let row = transaction.query_one(&statements.intact, &[&"billing", &id]).await.expect("asked");
    assert!(row.get::<_, bool>(0));
    transaction.execute("SELECT 1 / 0", &[]).await.expect_err("no number");
    transaction.query_one(&statements.intact, &[&"billing", &id]).await.expect_err("aborted");
}

#[tokio::test]
async fn a_constraint_that_fails_at_the_commit_is_an_error() {
    let inbox = billing();
    let (_server, mut client) = server(&inbox).await;
    let deferred = "CREATE TABLE late (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)";
    client.batch_execute(deferred).await.expect("made");
    let (first, work) = (event(1), "INSERT INTO late VALUES (1), (1)");
    let outcome =
        inbox.once(&mut client, &first, async |transaction| Ok(transaction.batch_execute(work).await?));
    let error = outcome.await.expect_err("the constraint");
    assert!(matches!(&error, InboxError::Database { .. }) && !error.is_retryable(), "{error:?}");
    assert_eq!(count(&client, "events_inbox").await, 0);
}

#[tokio::test]
async fn lock_and_statement_timeouts_are_retryable() {
    let inbox = billing();
    let (server, mut holder) = server(&inbox).await;
    let mut client = server.connect().await;
    let held = holder.transaction().await.expect("begun");
    assert!(inbox.insert(&held, &event(1)).await.expect("asked").is_first());
    for timeout in ["lock_timeout", "statement_timeout"] {
        client.batch_execute(&format!("SET {timeout} = '50ms'")).await.expect("set");
        let error = bill(&inbox, &mut client, 1).await.expect_err("the other holds it");
        assert!(
            matches!(&error, InboxError::TimedOut { .. }) && error.is_retryable(),
            "{timeout}: {error:?}"
        );
        // The same error within the work.
        let second = event(2);
        let within = inbox.once(&mut client, &second, async |transaction| {
            transaction.execute(&inbox.statements().insert, &[&"billing", &event(1).id()]).await?;
            Ok(())
        });
        let error = within.await.expect_err("the other holds it");
        assert!(matches!(&error, InboxError::Work(_)) && error.is_retryable(), "{timeout}: {error:?}");
        client.batch_execute(&format!("RESET {timeout}")).await.expect("reset");
    }
    held.rollback().await.expect("rolled back");
    assert_eq!(bill(&inbox, &mut client, 1).await.expect("no fault"), Some(()));
}

#[tokio::test]
async fn a_read_only_database_and_a_rejected_user_are_retryable() {
    let inbox = billing();
    let (_server, mut client) = server(&inbox).await;
    let only_reads = ["SET default_transaction_read_only = on", "SET default_transaction_read_only = off"];
    let refused = ["CREATE ROLE guest; SET ROLE guest", "RESET ROLE"];
    for [spoil, mend] in [only_reads, refused] {
        client.batch_execute(spoil).await.expect("set");
        let error = bill(&inbox, &mut client, 1).await.expect_err("it refuses");
        assert!(
            matches!(&error, InboxError::Unavailable { .. }) && error.is_retryable(),
            "{spoil}: {error:?}"
        );
        client.batch_execute(mend).await.expect("set");
    }
    assert_eq!(bill(&inbox, &mut client, 1).await.expect("no fault"), Some(()));
}

#[tokio::test]
async fn each_schema_has_a_table_of_its_own_independent_of_the_search_path() {
    let inbox = billing();
    let (server, mut client) = server(&inbox).await;
    assert_eq!(bill(&inbox, &mut client, 1).await.expect("no fault"), Some(()));
    client.batch_execute("CREATE SCHEMA tenant; CREATE SCHEMA other").await.expect("made");
    client.batch_execute("SET search_path = tenant, public").await.expect("set");
    inbox.create(&client).await.expect("made");
    inbox.create(&client).await.expect("it is there");
    assert_eq!(bill(&inbox, &mut client, 1).await.expect("no fault"), Some(()), "another tenant's");
    assert_eq!(
        (count(&client, "public.events_inbox").await, count(&client, "tenant.events_inbox").await),
        (1, 1)
    );
    // By name, independent of the search path.
    let named = billing().schema("other").expect("a name").max_count(1);
    let error = bill(&named, &mut client, 1).await.expect_err("no table");
    assert!(
        matches!(&error, InboxError::NoTable { table, .. } if table == "other.events_inbox"),
        "{error:?}"
    );
    let mut fresh = server.connect().await;
    named.create(&fresh).await.expect("made");
    for number in 0..64 {
        assert_eq!(bill(&named, &mut fresh, number).await.expect("no fault"), Some(()));
    }
    assert_eq!(named.prune(&fresh, 1_000).await.expect("pruned"), 0);
    assert_eq!(count(&fresh, "other.events_inbox").await, 1);
    assert_eq!(count(&fresh, "public.events_inbox").await, 1);
    assert!(matches!(billing().schema("a.b"), Err(InboxError::Schema { .. })));
}

#[tokio::test]
async fn one_inbox_over_two_databases_prunes_each_by_its_own_count() {
    let inbox = billing().max_count(1_000);
    let (_server, mut client) = server(&inbox).await;
    client.batch_execute("CREATE SCHEMA tenant").await.expect("made");
    let use_schema = async |client: &Client, schema: &str| {
        client.batch_execute(&format!("SET search_path = {schema}")).await.expect("set");
    };
    use_schema(&client, "tenant").await;
    inbox.create(&client).await.expect("made");
    let insert = async |client: &mut Client, numbers: std::ops::Range<u128>| {
        let transaction = client.transaction().await.expect("begun");
        for number in numbers {
            assert!(inbox.insert(&transaction, &event(number)).await.expect("asked").is_first());
        }
        transaction.commit().await.expect("committed");
    };
    insert(&mut client, 0..900).await;
    for round in 0..30 {
        use_schema(&client, "public").await;
        insert(&mut client, round * 100..(round + 1) * 100).await;
        use_schema(&client, "tenant").await;
        insert(&mut client, 10_000 + round..10_001 + round).await;
    }
    assert_eq!(count(&client, "tenant.events_inbox").await, 930, "nothing is too much there");
    assert!(count(&client, "public.events_inbox").await <= 1_000 + 256, "and here it is bounded");
}

#[tokio::test]
async fn after_the_clock_is_set_back_the_oldest_events_are_still_pruned_first() {
    let inbox = billing().max_count(10);
    let (_server, mut client) = server(&inbox).await;
    let scattered = |number: u128| event(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    for number in 0..64 {
        inbox.once(&mut client, &scattered(number), async |_| Ok(())).await.expect("no fault");
    }
    let later = "UPDATE events_inbox SET handled_at = handled_at + interval '1 hour'";
    client.batch_execute(later).await.expect("as if it had been an hour later then");
    for number in 100..300 {
        for back in 0..(number - 99).min(10) {
            let once = inbox.once(&mut client, &scattered(number - back), async |_| Ok(())).await;
            assert_eq!(once.expect("no fault"), (back == 0).then_some(()), "{number}, {back} back");
        }
    }
    assert!(count(&client, "events_inbox").await <= 10 + 64);
}

#[tokio::test]
async fn of_members_that_insert_in_the_same_microsecond_exactly_one_is_first() {
    let inbox = billing();
    let (server, client) = server(&inbox).await;
    // A trigger gives all rows the same time, as may happen with fast members on one clock.
    client
        .batch_execute(
            "CREATE FUNCTION stopped() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN NEW.handled_at := '2999-01-01'; RETURN NEW; END $$;
             CREATE TRIGGER stopped BEFORE INSERT ON events_inbox FOR EACH ROW EXECUTE FUNCTION stopped()",
        )
        .await
        .expect("made");
    let barrier = Arc::new(tokio::sync::Barrier::new(8));
    let mut members = Vec::new();
    for _ in 0..8 {
        let (inbox, mut client, barrier) = (inbox.clone(), server.connect().await, Arc::clone(&barrier));
        members.push(tokio::spawn(async move {
            for number in 0..100 {
                barrier.wait().await;
                bill(&inbox, &mut client, number).await.expect("no fault");
            }
        }));
    }
    for member in members {
        member.await.expect("no panic");
    }
    assert_eq!(count(&client, "receipts").await, 100);
}
