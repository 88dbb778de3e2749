//! What can be typed.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use listen::{Listen, Origin};

use crate::environment;

/// The version of the protocol's reference release. Clients that start `codex` parse it from `--version`.
const CODEX_VERSION: &str = "0.124.0";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// An app-server for coding agents
///
/// Spindle runs coding agents for a client: an editor, a desktop application, a web page, a bot. The client opens
/// threads, starts turns and renders what streams back; Spindle talks to the model, runs commands in a sandbox, asks
/// for approvals and keeps every thread on disk. It speaks the Codex app-server protocol and works on the same home
/// (CODEX_HOME, default ~/.codex).
#[derive(Debug, Parser)]
#[command(
    name = "spindle",
    version,
    styles = STYLES,
    after_help = "Try it without a client:  spindle try \"look around and tell me what is here\""
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) overrides: Overrides,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    AppServer(Box<AppServer>),
    Try(Try),
    Sandbox(Sandbox),
    Doctor(Doctor),
    /// Print a completion script for a shell
    ///
    /// For bash: `spindle completions bash > /etc/bash_completion.d/spindle`
    #[command(visible_alias = "completion")]
    Completions {
        /// The shell to complete for
        shell: Shell,
    },
}

/// Serve clients over the app-server protocol
///
/// Reads JSON-RPC messages from standard input, one a line, and writes answers and notifications to standard output.
/// Ends with its input. With --listen it takes WebSocket connections of any number of clients instead, or as well; see
/// docs/remote.md. Messages for people go to standard error; RUST_LOG decides how many (for example RUST_LOG=engine=debug),
/// and LOG_FORMAT=json makes one JSON object of each.
#[derive(Debug, Args)]
#[command(name = "app-server", args_conflicts_with_subcommands = true)]
pub(crate) struct AppServer {
    #[command(subcommand)]
    pub(crate) command: Option<Generate>,

    /// Where to take connections: `stdio://`, `ws://IP:PORT`, `wss://IP:PORT`, `unix://PATH`, `off` (repeatable)
    ///
    /// Port 0 lets the system choose; the address is printed to standard error. With stdio:// among several, the server
    /// ends with its input.
    #[arg(long, value_name = "URL", default_value = "stdio://")]
    pub(crate) listen: Vec<Listen>,

    #[command(flatten)]
    pub(crate) remote: Remote,

    /// What new threads are said to come from: cli, vscode, exec, or a name of your own
    #[arg(long, value_name = "SOURCE", default_value = "vscode")]
    pub(crate) session_source: String,

    /// Accepted for clients that pass it; nothing is ever reported
    #[arg(long, hide = true)]
    pub(crate) analytics_default_enabled: bool,
}

/// Who may come in from the network, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options for sockets")]
pub(crate) struct Remote {
    /// What clients have to show in their handshake, as `Authorization: Bearer TOKEN`
    #[arg(long, value_name = "MODE")]
    pub(crate) ws_auth: Option<WsAuth>,

    /// File with the capability token
    #[arg(long, value_name = "PATH")]
    pub(crate) ws_token_file: Option<PathBuf>,

    /// SHA-256 of the capability token, in hexadecimal digits
    #[arg(long, value_name = "HEX")]
    pub(crate) ws_token_sha256: Option<String>,

    /// File with the secret that tokens (JWT, HS256) are signed with; at least 32 bytes
    #[arg(long, value_name = "PATH")]
    pub(crate) ws_shared_secret_file: Option<PathBuf>,

    /// Who signed tokens have to be from
    #[arg(long, value_name = "ISSUER")]
    pub(crate) ws_issuer: Option<String>,

    /// Who signed tokens have to be for
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) ws_audience: Option<String>,

    /// By how much the clock of who signs may differ [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ws_max_clock_skew_seconds: Option<u64>,

    /// Let pages of this origin connect, such as https://app.example (repeatable); no other page may
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<Origin>,

    /// Certificate chain for wss://, in a PEM file
    #[arg(long, value_name = "PATH", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Private key of the certificate, in a PEM file
    #[arg(long, value_name = "PATH", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Let anybody on the network connect, without a token: they can run commands as you
    ///
    /// SPINDLE_INSECURE_LISTEN=1 does the same.
    #[arg(long)]
    pub(crate) insecure_allow_unauthenticated: bool,

    /// How long running turns may go on after the first signal to end; for ever by default
    #[arg(long, value_name = "SECONDS")]
    pub(crate) drain_seconds: Option<u64>,
}

/// What clients have to show.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum WsAuth {
    /// One secret token for all clients
    CapabilityToken,
    /// A token of their own, signed with a shared secret (JWT, HS256)
    SignedBearerToken,
}

/// Hold a conversation with an agent in this terminal
///
/// Starts a server in this process and speaks the real protocol to it, as any client does. The agent works in the
/// current folder, with the configured model provider; where none can be used, with the simulator, which needs neither
/// key nor network. Ctrl-C interrupts a turn, a second one leaves.
#[derive(Debug, Args)]
pub(crate) struct Try {
    /// What to ask. Without it: lines typed at a terminal, each a turn, or all of standard input as one
    pub(crate) prompt: Option<String>,

    #[arg(long, help = crate::try_command::JSON_HELP)]
    pub(crate) json: bool,
}

/// Run one command in the sandbox that agents' commands run in
///
/// The command works in the current folder with the configured sandbox and environment; what it may not do is refused
/// by the operating system. Nothing it has started is left when it ends. `spindle doctor` says what this machine can
/// enforce.
#[derive(Debug, Args)]
#[command(
    name = "sandbox",
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
        spindle sandbox -- cargo test\n  \
        spindle sandbox --policy workspace-write --network -- npm install\n  \
        spindle sandbox --writable ../cache -- make\n\n\
        Exit status: that of the command, or 128 and the number of the signal that ended it. 127: no such program. \
        126: it cannot be executed. 125: nothing was run, since the sandbox could not be put in place, or the \
        configuration or an option is wrong. 2: this command line cannot be read."
)]
pub(crate) struct Sandbox {
    #[command(subcommand)]
    pub(crate) platform: Option<Platform>,

    #[command(flatten)]
    pub(crate) run: SandboxRun,
}

/// What to run in a sandbox, and in which.
#[derive(Debug, Args)]
pub(crate) struct SandboxRun {
    /// What the command may do [default: as configured]
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<Policy>,

    /// The same as --policy workspace-write
    #[arg(long, conflicts_with = "policy")]
    pub(crate) full_auto: bool,

    /// A folder it may write to besides the current one; implies --policy workspace-write (repeatable)
    #[arg(long, value_name = "DIR")]
    pub(crate) writable: Vec<std::path::PathBuf>,

    /// Let it open network connections; implies --policy workspace-write
    #[arg(long)]
    pub(crate) network: bool,

    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// The sandbox of one platform, as other programs name it
#[derive(Debug, Subcommand)]
pub(crate) enum Platform {
    /// Run the command on Linux, as without this word
    #[command(alias = "landlock")]
    Linux(SandboxRun),
    /// Run the command on macOS
    #[command(alias = "seatbelt")]
    Macos(SandboxRun),
    /// Run the command on Windows
    Windows(SandboxRun),
}

/// What a sandboxed command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Policy {
    /// Read everything, change nothing, no network
    ReadOnly,
    /// Write to the current folder and to temporary folders as well
    WorkspaceWrite,
    /// Whatever you may
    DangerFullAccess,
}

/// Say what this machine can enforce
///
/// Tries out every mechanism by which commands can be confined, and says which of them works, which is used, and what
/// it means for each sandbox policy. Exit status: 0 when sandboxed commands can run, else 1.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Write what the protocol looks like, for client developers.
#[derive(Debug, Subcommand)]
pub(crate) enum Generate {
    /// Write TypeScript types of every message
    GenerateTs {
        #[command(flatten)]
        output: Output,

        /// Format the files with this prettier
        #[arg(short, long, value_name = "BIN")]
        prettier: Option<PathBuf>,
    },
    /// Write JSON Schemas of every message, one file each, and bundles
    GenerateJsonSchema {
        #[command(flatten)]
        output: Output,

        /// Write what Spindle adds to the protocol, too, into the folder `spindle` (see docs/remote.md)
        #[arg(long)]
        additions: bool,
    },
}

/// Where generated files go.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// The folder to write into; made if needed
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Include methods and members that need the experimental capability
    #[arg(long)]
    pub(crate) experimental: bool,
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Args)]
pub(crate) struct Overrides {
    /// Set a configuration value for this run: a dotted key and a TOML value, else a text (repeatable)
    ///
    /// Examples: -c model=gpt-5.4   -c sandbox_mode=read-only   -c model_provider=simulator
    #[arg(short = 'c', long = "config", value_name = "KEY=VALUE", global = true)]
    pub(crate) config: Vec<String>,

    /// Let the built-in simulator answer instead of a model: no key and no network needed (see docs/simulator.md)
    #[arg(long, global = true)]
    pub(crate) simulate: bool,

    /// Turn a feature on for this run (repeatable)
    #[arg(long, value_name = "FEATURE", global = true)]
    pub(crate) enable: Vec<String>,

    /// Turn a feature off for this run (repeatable)
    #[arg(long, value_name = "FEATURE", global = true)]
    pub(crate) disable: Vec<String>,
}

/// Prints help, the version, or what was wrong with the arguments.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    if error.kind() == ErrorKind::DisplayVersion && environment::started_as_codex() {
        let _ = writeln!(io::stdout(), "codex-cli {CODEX_VERSION}");
        return ExitCode::SUCCESS;
    }
    // Nowhere to say that nothing can be said.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Says why a command failed.
pub(crate) fn report(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "Error: {error:#}");
}

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "spindle", &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// The version clients and rollouts are told: that of the protocol.
pub(crate) fn protocol_version() -> &'static str {
    CODEX_VERSION
}

/// Whether `program` names the program that Spindle can stand in for.
pub(crate) fn is_codex(program: &Path) -> bool {
    program.file_stem().is_some_and(|name| name == "codex")
}
