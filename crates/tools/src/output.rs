//! The texts in which results of commands and patches are told to the model.

use std::fmt::Write as _;
use std::time::Duration;

use crate::truncate::{Truncation, approximate_tokens};

/// Where a command stands when its output is told.
pub(crate) enum Progress {
    Exited(i32),
    /// It goes on under this session number.
    Running(i32),
}

/// The text of a command that ran to its end, and of a patch.
pub(crate) fn finished(exit_code: i32, elapsed: Duration, output: &str, limit: Truncation) -> String {
    let mut text = format!("Exit code: {exit_code}\nWall time: {} seconds\n", tenths(elapsed));
    if output.len() > limit.bytes() {
        let _ = writeln!(text, "Total output lines: {}", output.lines().count());
    }
    text + "Output:\n" + &limit.middle(output)
}

/// The same as JSON, which callers of `shell` and `local_shell` expect.
pub(crate) fn finished_json(exit_code: i32, elapsed: Duration, output: &str, limit: Truncation) -> String {
    let output = limit.middle_counting_lines(output);
    let metadata = serde_json::json!({ "exit_code": exit_code, "duration_seconds": tenths(elapsed) });
    format!("{{\"output\":{},\"metadata\":{metadata}}}", serde_json::Value::String(output))
}

/// The text of a look at a command that may go on.
pub(crate) fn look(chunk_id: &str, elapsed: Duration, progress: &Progress, output: &str, limit: Truncation) -> String {
    let state = match progress {
        Progress::Exited(code) => format!("Process exited with code {code}"),
        Progress::Running(session) => format!("Process running with session ID {session}"),
    };
    format!(
        "Chunk ID: {chunk_id}\nWall time: {:.4} seconds\n{state}\nOriginal token count: {}\nOutput:\n{}",
        elapsed.as_secs_f64(),
        approximate_tokens(output.len()),
        limit.middle_counting_lines(output)
    )
}

/// Seconds to one decimal place.
fn tenths(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Truncation = Truncation::Tokens(10);

    #[test]
    fn a_finished_command_tells_code_time_and_output() {
        let text = finished(9, Duration::from_millis(240), "bad\n", LIMIT);
        assert_eq!(text, "Exit code: 9\nWall time: 0.2 seconds\nOutput:\nbad\n");
        let long = finished(0, Duration::ZERO, &"0123456789\n".repeat(8), LIMIT);
        assert_eq!(
            long,
            "Exit code: 0\nWall time: 0 seconds\nTotal output lines: 8\nOutput:\n0123456789\n012345678…12 tokens truncated…23456789\n0123456789\n"
        );
    }

    #[test]
    fn callers_of_shell_get_json() {
        let text = finished_json(0, Duration::from_millis(51), "a\"b\n", LIMIT);
        assert_eq!(text, r#"{"output":"a\"b\n","metadata":{"duration_seconds":0.1,"exit_code":0}}"#);
    }

    #[test]
    fn a_look_tells_whether_the_command_goes_on() {
        let text = look("4d1175", Duration::from_millis(301), &Progress::Running(95_901), "", LIMIT);
        assert_eq!(
            text,
            "Chunk ID: 4d1175\nWall time: 0.3010 seconds\nProcess running with session ID 95901\nOriginal token count: 0\nOutput:\n"
        );
        let text = look("c55085", Duration::ZERO, &Progress::Exited(0), "hi\n", LIMIT);
        assert_eq!(
            text,
            "Chunk ID: c55085\nWall time: 0.0000 seconds\nProcess exited with code 0\nOriginal token count: 1\nOutput:\nhi\n"
        );
    }
}
