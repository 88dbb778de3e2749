use serde_json::json;
use types::{ReadAccess, SandboxPolicy};

use crate::kit::Thread;

/// One red pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

fn thread() -> Thread {
    use base64::Engine as _;
    let thread = Thread::new();
    thread.write("dot.png", base64::engine::general_purpose::STANDARD.decode(PNG).unwrap());
    thread
}

#[tokio::test]
async fn an_image_is_shown_to_client_and_model() {
    let thread = thread();
    for path in ["dot.png".to_owned(), thread.cx.cwd.join("dot.png").to_string()] {
        let text = thread.call("view_image", "call-v", json!({ "path": path })).await;
        let url = format!("data:image/png;base64,{PNG}");
        assert_eq!(text, format!(r#"[{{"type":"input_image","image_url":"{url}","detail":"high"}}]"#));
        assert_eq!(thread.seen(), "started image call-v CWD/dot.png\ncompleted image call-v CWD/dot.png");
    }
}

#[tokio::test]
async fn the_original_size_may_be_asked_for() {
    for (taken, detail) in [(true, "original"), (false, "high")] {
        let mut thread = thread();
        thread.cx.switches.original_images = taken;
        let text = thread.call("view_image", "c", json!({ "path": "dot.png", "detail": "original" })).await;
        assert!(text.ends_with(&format!(r#""detail":"{detail}"}}]"#)), "{text}");
    }
    let text = thread().call("view_image", "c", json!({ "path": "dot.png", "detail": "low" })).await;
    assert_eq!(text, "view_image knows only the detail `original`, not `low`; leave it out for the usual one");
}

#[tokio::test]
async fn what_is_no_image_is_refused_by_name() {
    let thread = thread();
    thread.write("a.txt", "hello\n");
    thread.write("fake.png", "not an image");
    thread.write("dir/x", "");
    let table = [
        ("none.png", "cannot show the image `CWD/none.png`: No such file or directory (os error 2)"),
        ("dir", "cannot show the image `CWD/dir`: it is not a file"),
        ("", "cannot show the image `CWD`: it is not a file"),
        ("a.txt", "cannot show the image `CWD/a.txt`: it is not a PNG, JPEG, GIF or WebP image"),
        ("fake.png", "cannot show the image `CWD/fake.png`: it is not a PNG, JPEG, GIF or WebP image"),
    ];
    for (path, expected) in table {
        assert_eq!(thread.call("view_image", "c", json!({ "path": path })).await, expected);
    }
    assert_eq!(thread.seen(), "");
}

#[tokio::test]
async fn a_file_too_large_is_refused() {
    let thread = thread();
    let file = std::fs::File::create(thread.cx.cwd.join("big.png")).unwrap();
    file.set_len((20 << 20) + 1).unwrap();
    let text = thread.call("view_image", "c", json!({ "path": "big.png" })).await;
    assert!(
        text.starts_with("cannot show the image `CWD/big.png`: it has 20971521 bytes, more than the 20971520 allowed"),
        "{text}"
    );
}

#[tokio::test]
async fn a_model_without_eyes_is_told_so() {
    let mut thread = thread();
    thread.cx.image_input = false;
    let text = thread.call("view_image", "c", json!({ "path": "dot.png" })).await;
    assert_eq!(text, "view_image is not available: the model in use does not read images");
}

#[tokio::test]
async fn what_commands_may_not_read_is_not_shown_either() {
    let mut thread = thread();
    let access =
        ReadAccess::Restricted { include_platform_defaults: true, readable_roots: vec![thread.root().join("outside")] };
    thread.cx.sandbox_policy = SandboxPolicy::ReadOnly { access, network_access: false };
    let text = thread.call("view_image", "c", json!({ "path": "dot.png" })).await;
    assert_eq!(text, "the sandbox does not allow reading `CWD/dot.png`");
}
