//! The error codes of the protocol: one table, from which the code, the reference and the tests take theirs.

/// The codes an error answer may carry.
pub struct ErrorCode;

/// A code of the table, with all that gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCodeEntry {
    /// The number in the answer's `error.code`.
    pub code: i64,
    /// What JSON-RPC or the protocol calls it.
    pub name: &'static str,
    /// What a client does about it.
    pub advice: &'static str,
    /// The conditions that give it, each a sentence of Markdown.
    pub conditions: &'static [&'static str],
}

macro_rules! error_codes {
    ($(
        $(#[doc = $doc:literal])*
        $constant:ident = $code:literal, $name:literal, $advice:literal: [$($condition:literal,)*];
    )*) => {
        impl ErrorCode {
            $(
                $(#[doc = $doc])*
                pub const $constant: i64 = $code;
            )*
        }

        /// Every code, with the conditions that give it.
        pub const ERROR_CODES: &[ErrorCodeEntry] = &[$(
            ErrorCodeEntry { code: $code, name: $name, advice: $advice, conditions: &[$($condition),*] },
        )*];
    };
}

error_codes! {
    /// The request is not one this server can carry out: unknown method, parameters that do not decode, a state that
    /// does not allow it.
    INVALID_REQUEST = -32600, "invalid request", "Do not repeat the request as it is.": [
        "The method does not exist. The message lists all methods there are.",
        "The parameters are missing, or do not decode. The message begins with `Invalid request: ` and names what was wrong.",
        "The connection is not initialized (`Not initialized`), or was before (`Already initialized`).",
        "The method, member or value needs the experimental capability (`… requires experimentalApi capability`).",
        "The parameters name something that does not exist: a thread, a turn, a watch, a cursor.",
        "The state does not allow it now: no turn runs, another one does, a review takes no input. `turn/steer` gives \
         a `TurnError` in `data` when the running turn takes no input.",
        "A value is well-formed and cannot be used, and no condition below says otherwise. Writing configuration gives \
         the reason for programs in `data.config_write_error_code`.",
    ];
    /// The method does not exist. The server answers unknown methods with [`ErrorCode::INVALID_REQUEST`]; this code
    /// is understood when a client sends it.
    METHOD_NOT_FOUND = -32601, "method not found", "Clients answer it; the server does not.": [
        "A client answers so when it is asked something it does not know. The server takes it for a refusal, as any \
         error of a client.",
    ];
    /// The parameters decode, but a value in them is not acceptable.
    INVALID_PARAMS = -32602, "invalid params", "Change the value the message names.": [
        "The input of `turn/start` or `turn/steer` is too long. `data` has `input_error_code` (`input_too_large`), \
         `max_chars` and `actual_chars`.",
        "Members of `command/exec` contradict each other, or a size or time is out of its range.",
        "`skills/config/write` names a skill by both path and name, or by neither.",
    ];
    /// The server failed; the request may have been fine.
    INTERNAL_ERROR = -32603, "internal error", "The request may be fine: look at the message, then try again.": [
        "The operating system, the store or the model provider failed while the request was carried out. The message \
         carries the cause.",
        "The configuration or a file beside it cannot be read.",
        "This build does not serve the method (`… is not available in this build of spindle`).",
        "The server failed in a way nobody foresaw (`internal error`); the request is answered all the same.",
    ];
    /// The server has too much to do right now; the same request may succeed later.
    OVERLOADED = -32001, "overloaded", "Send the same request again after a growing, slightly random delay.": [
        "More waits for the thread, or for the server, than it has room for (`Server overloaded; retry later.`).",
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_stands_once_and_says_when_it_is_given() {
        let codes: BTreeSet<_> = ERROR_CODES.iter().map(|entry| entry.code).collect();
        assert_eq!(codes, BTreeSet::from([-32603, -32602, -32601, -32600, -32001]));
        assert_eq!(codes.len(), ERROR_CODES.len());
        assert!(ERROR_CODES.iter().all(|entry| !entry.conditions.is_empty()));
    }
}
