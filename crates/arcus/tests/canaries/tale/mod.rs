//! What the canaries live through: success, refusal, errors that repeat them, calls without an answer, a crash, a backup.

mod accounts;
mod clouds;
mod operator;
mod scene;
mod servers;

use testkit::Database;

use scene::Scene;

/// From the first start to the search.
pub(crate) async fn tell(database: Database) {
    let mut scene = Scene::set(database).await;
    accounts::register_and_log_in(&mut scene).await;
    let silent = clouds::without_an_answer(&scene);
    clouds::add_accounts(&mut scene).await;
    accounts::add_an_integration(&mut scene).await;
    accounts::hand_out_the_key(&mut scene).await;
    servers::buy_one_with_user_data(&mut scene).await;
    servers::make_environments_in_trouble(&mut scene).await;
    operator::take_payments(&mut scene).await;
    let unanswered = silent.await.expect("it ends");
    scene
        .aviary
        .hear(
            "adding an account whose cloud says nothing",
            unanswered,
            &[],
        )
        .error(502);
    servers::crash_within_a_create(&mut scene).await;
    clouds::look_at_all(&mut scene).await;
    operator::use_the_command_line(&mut scene);
    operator::back_up(&mut scene);
    scene.end().await;
    scene.aviary.assert_silent();
}
