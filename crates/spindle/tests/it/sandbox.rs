//! `spindle sandbox`: what its exit status says.

use exec::{Command, Io, Launcher, Options, Sandbox};
use types::AbsPath;

#[tokio::test]
async fn a_command_that_never_ran_is_told_apart_from_one_that_failed() {
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let root = AbsPath::new(folder.path().canonicalize().expect("it exists")).expect("absolute");
    let launcher = Launcher::new(Options { tmpdir: None, codex_home: root.clone(), path: None });
    for (arguments, status) in [
        (&["--", "sh", "-c", "exit 1"][..], 1),
        (&["--", "sh", "-c", "kill -9 $$"], 137),
        (&["--", "/no/such/program"], 127),
        (&["--", "/etc/passwd"], 126),
        (&[], 125),
        (&["windows", "--", "true"], 125),
        (&["--writable", "/no/such/folder", "--", "true"], 125),
        (&["--policy", "read-only", "--network", "--", "true"], 125),
        (&["-c", "sandbox_mode=no-such-mode", "--", "true"], 125),
    ] {
        let argv = [env!("CARGO_BIN_EXE_spindle"), "sandbox"].iter().chain(arguments);
        let env = [("CODEX_HOME", root.to_string()), ("PATH", "/usr/bin:/bin".to_owned())];
        let process = launcher.spawn(Command {
            argv: argv.map(|&argument| argument.to_owned()).collect(),
            cwd: root.clone(),
            env: env.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            io: Io::Pipes { stdin: false },
            sandbox: Sandbox::None,
            proxy: None,
        });
        let exit = process.await.expect("it starts").wait().await;
        assert_eq!(exit.code_or_signal(), status, "{arguments:?}");
    }
}
