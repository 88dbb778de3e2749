//! `account/*`.

use serde_json::{Value, json};

use crate::kit::TestServer;

#[tokio::test]
async fn an_api_key_login_is_stored_and_told_after_its_answer() {
    let mut server = TestServer::with_model([]).await;
    let login = json!({ "type": "apiKey", "apiKey": "sk" });
    assert_eq!(server.request("account/login/start", login).await.unwrap(), json!({ "type": "apiKey" }));
    assert_eq!(server.expect("account/login/completed").await["params"]["success"], true);
    assert_eq!(server.expect("account/updated").await["params"]["authMode"], "apikey");
    assert!(server.home.join("auth.json").exists());

    assert_eq!(server.request("account/logout", Value::Null).await.unwrap(), json!({}));
    assert_eq!(server.expect("account/updated").await["params"], json!({ "authMode": null, "planType": null }));
    assert!(!server.home.join("auth.json").exists());
}

#[tokio::test]
async fn a_login_with_chatgpt_is_refused_in_so_many_words() {
    let mut server = TestServer::with_model([]).await;
    for kind in ["chatgpt", "chatgptDeviceCode"] {
        let error = server.request("account/login/start", json!({ "type": kind })).await.unwrap_err();
        assert!(error["message"].as_str().unwrap().contains("not available in this build"), "{error}");
    }
    assert!(server.methods().is_empty(), "nothing was announced");
}

#[tokio::test]
async fn a_login_that_does_not_wait_cannot_be_cancelled() {
    let mut server = TestServer::with_model([]).await;
    let unknown = json!({ "loginId": "0193e8a0-0000-7000-8000-000000000000" });
    assert_eq!(server.request("account/login/cancel", unknown).await.unwrap(), json!({ "status": "notFound" }));
    server.request("account/login/cancel", json!({ "loginId": "nonsense" })).await.unwrap_err();
}
