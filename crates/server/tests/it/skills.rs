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
