//! A service `billing` with an inbox and a table of receipts in Postgres.

use events_runtime::inbox::{InboxError, PostgresInbox};
use events_tests::inbox::event;
use tokio_postgres::Client;

use crate::Postgres;

/// A server with the inbox's table and one of the service's own.
pub async fn server(inbox: &PostgresInbox) -> (Postgres, Client) {
    let server = Postgres::start();
    let client = server.connect().await;
    inbox.create(&client).await.expect("the table is made");
    client.batch_execute("CREATE TABLE receipts (number int)").await.expect("the service's own table");
    (server, client)
}

/// The service's inbox.
pub fn billing() -> PostgresInbox {
    PostgresInbox::new("billing").expect("a name")
}

/// The number of rows in a table.
pub async fn count(client: &Client, table: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.expect("asked").get(0)
}

/// Handles an event with one row of work.
///
/// # Errors
/// That of the inbox.
pub async fn bill(
    inbox: &PostgresInbox,
    client: &mut Client,
    number: u128,
) -> Result<Option<()>, InboxError> {
    inbox
        .once(client, &event(number), async |transaction| {
            transaction.execute("INSERT INTO receipts VALUES (1)", &[]).await?;
            Ok(())
        })
        .await
}
