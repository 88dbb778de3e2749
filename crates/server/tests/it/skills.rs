//! `skills/*`.

use serde_json::{Value, json};

use crate::kit::TestServer;

fn add_skill(server: &TestServer) {
    let folder = server.project.join(".codex/skills/one");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("SKILL.md"), "---\nname: one\ndescription: Does it.\n---\n").unwrap();
}

async fn skills_of(server: &mut TestServer, cwd: &str) -> Vec<Value> {
    let mut list = server.request("skills/list", json!({ "cwds": [cwd] })).await.unwrap();
    assert_eq!(list["data"][0]["cwd"], cwd);
    let Value::Array(mut skills) = list["data"][0]["skills"].take() else { panic!("skills are a list") };
    skills.retain(|skill| skill["scope"] == "repo");
    skills
}

#[tokio::test]
async fn a_skill_is_listed_and_can_be_switched_off_and_on() {
    let mut server = TestServer::with_model([]).await;
    add_skill(&server);
    let project = server.project.to_string();
    assert_eq!(skills_of(&mut server, &project).await[0]["enabled"], true);
    for enabled in [false, true] {
        let write = json!({ "name": "one", "enabled": enabled });
        let written = server.request("skills/config/write", write).await.unwrap();
        assert_eq!(written, json!({ "effectiveEnabled": enabled }));
        assert_eq!(skills_of(&mut server, &project).await[0]["enabled"], enabled);
    }
}

#[tokio::test]
async fn a_folder_that_does_not_exist_has_no_skills() {
    let mut server = TestServer::with_model([]).await;
    for cwd in ["relative", "/no/such/folder"] {
        assert_eq!(skills_of(&mut server, cwd).await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn a_switch_needs_exactly_one_of_path_and_name() {
    let mut server = TestServer::with_model([]).await;
    for params in [json!({ "enabled": true }), json!({ "enabled": true, "name": "x", "path": "/x" })] {
        assert_eq!(server.request("skills/config/write", params).await.unwrap_err()["code"], -32602);
    }
}

fn edit_skill(server: &TestServer, text: &str) {
    let file = server.project.join(".codex/skills/one/SKILL.md");
    std::fs::write(file, format!("---\nname: one\ndescription: Does it.\n---\n{text}\n")).unwrap();
}

#[tokio::test]
async fn whoever_is_there_hears_of_changed_skills_once_somebody_has_listed_them() {
    let mut server = TestServer::with_model([]).await;
    let mut other = server.connect(json!({})).await;
    let project = server.project.to_string();
    assert_eq!(skills_of(&mut server, &project).await, Vec::<Value>::new());
    add_skill(&server);
    assert_eq!(server.expect("skills/changed").await["params"], json!({}));
    other.expect("skills/changed").await;
    assert_eq!(skills_of(&mut server, &project).await[0]["name"], "one");

    edit_skill(&server, "Do it well.");
    server.expect("skills/changed").await;
    std::fs::remove_dir_all(server.project.join(".codex")).unwrap();
    server.expect("skills/changed").await;
    add_skill(&server);
    server.expect("skills/changed").await;
}

#[tokio::test]
async fn the_skills_of_a_thread_are_watched_from_its_start_on() {
    let mut server = TestServer::with_model([]).await;
    add_skill(&server);
    server.start_thread().await;
    // The watch begins behind the answer.
    for text in 0..60 {
        edit_skill(&server, &text.to_string());
        let told = tokio::time::timeout(std::time::Duration::from_millis(500), server.expect("skills/changed"));
        if told.await.is_ok() {
            return;
        }
    }
    panic!("nobody was told of an edited skill");
}
