//! `fs/*`.

use serde_json::json;

use crate::kit::TestServer;

#[tokio::test]
async fn what_was_written_is_read_copied_listed_and_removed() {
    let mut server = TestServer::with_model([]).await;
    let at = |name: &str| server.project.join(name).to_string();
    let (folder, file, copy) = (at("d/e"), at("d/e/f"), at("copy"));
    server.request("fs/createDirectory", json!({ "path": folder })).await.unwrap();
    server.request("fs/writeFile", json!({ "path": file, "dataBase64": "AP8=" })).await.unwrap();
    let params = json!({ "sourcePath": folder, "destinationPath": copy, "recursive": true });
    server.request("fs/copy", params).await.unwrap();
    let entries = server.request("fs/readDirectory", json!({ "path": copy })).await.unwrap();
    assert_eq!(entries["entries"], json!([{ "fileName": "f", "isDirectory": false, "isFile": true }]));
    let read = server.request("fs/readFile", json!({ "path": format!("{copy}/f") })).await.unwrap();
    assert_eq!(read["dataBase64"], "AP8=");
    server.request("fs/remove", json!({ "path": copy })).await.unwrap();
    let error = server.request("fs/getMetadata", json!({ "path": copy })).await.unwrap_err();
    assert_eq!(error["code"], -32603);
}

#[tokio::test]
async fn a_watched_folder_tells_which_entries_changed_until_it_is_unwatched() {
    let mut server = TestServer::with_model([]).await;
    let watch = json!({ "watchId": "w", "path": server.project.to_string() });
    server.request("fs/watch", watch.clone()).await.unwrap();
    let error = server.request("fs/watch", watch).await.unwrap_err();
    assert_eq!(error["message"], "watchId already exists: w");

    std::fs::write(server.project.join("new"), "x").unwrap();
    let changed = server.expect("fs/changed").await;
    assert_eq!(changed["params"], json!({ "watchId": "w", "changedPaths": [server.project.join("new").to_string()] }));

    server.request("fs/unwatch", json!({ "watchId": "w" })).await.unwrap();
    server.request("fs/unwatch", json!({ "watchId": "w" })).await.unwrap();
    std::fs::write(server.project.join("newer"), "x").unwrap();
    let (rest, _folder) = server.close().await;
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn what_agents_have_noted_is_forgotten_and_nothing_outside_of_the_folder() {
    let mut server = TestServer::with_model([]).await;
    let (notes, outside) = (server.home.join("memories"), server.home.join("outside"));
    for folder in [notes.join("deep/er"), outside.join("kept")] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(notes.join("deep/note.md"), "n").unwrap();
    std::fs::write(notes.join("NOTES.md"), "n").unwrap();
    std::os::unix::fs::symlink(&outside, notes.join("link")).unwrap();
    for _ in 0..2 {
        assert_eq!(server.request("memory/reset", json!(null)).await.unwrap(), json!({}));
        assert_eq!(std::fs::read_dir(&notes).unwrap().count(), 0);
        std::fs::remove_dir(&notes).unwrap();
    }
    assert!(outside.join("kept").exists());

    std::os::unix::fs::symlink(&outside, &notes).unwrap();
    let error = server.request("memory/reset", json!({})).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains(notes.to_str().unwrap()), "{error}");
    assert!(outside.join("kept").exists());
}
