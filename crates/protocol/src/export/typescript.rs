//! The TypeScript types.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use ts_rs::{ExportError, TS, TypeVisitor};

use super::{EXPERIMENTAL_MARK, Files};
use crate::jsonrpc::RequestId;
use crate::methods::{self, Method, MethodVisitor};
use crate::notifications::{self, CLIENT_NOTIFICATIONS, Notification, NotificationVisitor};
use crate::server_requests::{self, ServerMethod, ServerMethodVisitor};

const HEADER: &str = "// GENERATED CODE! DO NOT MODIFY BY HAND!\n\n";

/// Every TypeScript file: path below the export folder, and text.
pub fn ts_files(experimental: bool) -> Result<Files, ExportError> {
    let mut types = Types { experimental, seen: HashSet::new(), files: Files::new(), error: None };
    let mut unions = Unions { experimental, types: &mut types, requests: Union::new(), others: Union::new() };
    unions.add_type::<RequestId>();
    methods::visit_methods(&mut unions);
    let requests = unions.requests.take("ClientRequest", "Every request a client may send.");
    server_requests::visit_server_methods(&mut unions);
    let server_requests = unions.requests.take("ServerRequest", "Every request the server may send.");
    notifications::visit_notifications(&mut unions);
    let notifications = unions.others.take("ServerNotification", "Every notification the server may send.");
    for method in CLIENT_NOTIFICATIONS {
        unions.others.variants.push(format!("{{ \"method\": \"{method}\" }}"));
    }
    let client = unions.others.take("ClientNotification", "Every notification a client may send.");

    let Types { mut files, error, .. } = types;
    if let Some(error) = error {
        return Err(error);
    }
    files.extend([requests, server_requests, notifications, client]);
    let indices = [index(&files, "", "export * as v2 from \"./v2\";\n"), index(&files, "v2/", "")];
    files.extend(indices);
    Ok(files)
}

/// The files of types, while they are collected.
struct Types {
    experimental: bool,
    seen: HashSet<TypeId>,
    files: Files,
    error: Option<ExportError>,
}

impl TypeVisitor for Types {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        let Some(path) = T::output_path() else { return };
        if self.error.is_some() || !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        match T::export_to_string() {
            Ok(text) => {
                let text = if self.experimental { text } else { without_experimental(&text) };
                self.files.insert(slashed(&path), format!("{HEADER}{text}"));
                T::visit_dependencies(self);
            }
            Err(error) => self.error = Some(error),
        }
    }
}

/// The types of all messages in one direction.
struct Union {
    variants: Vec<String>,
    imports: BTreeSet<String>,
}

impl Union {
    fn new() -> Self {
        Self { variants: Vec::new(), imports: BTreeSet::new() }
    }

    fn import<T: TS + 'static>(&mut self) -> String {
        let name = T::name();
        if let Some(path) = T::output_path() {
            let path = slashed(&path);
            let path = path.strip_suffix(".ts").unwrap_or(&path);
            self.imports.insert(format!("import type {{ {name} }} from \"./{path}\";"));
        }
        name
    }

    fn request<P: TS + 'static>(&mut self, method: &str) {
        let id = self.import::<RequestId>();
        let params = self.import::<P>();
        self.variants.push(format!("{{ \"method\": \"{method}\", id: {id}, params: {params}, }}"));
    }

    fn notification<P: TS + 'static>(&mut self, method: &str) {
        let params = self.import::<P>();
        self.variants.push(format!("{{ \"method\": \"{method}\", \"params\": {params} }}"));
    }

    fn take(&mut self, name: &str, description: &str) -> (String, String) {
        let Self { variants, imports } = std::mem::replace(self, Self::new());
        let imports: String = imports.into_iter().map(|import| import + "\n").collect();
        let variants = variants.join(" | ");
        let text = format!("{HEADER}{imports}\n/**\n * {description}\n */\nexport type {name} = {variants};\n");
        (format!("{name}.ts"), text)
    }
}

/// Collects the types and the unions of all messages.
struct Unions<'a> {
    experimental: bool,
    types: &'a mut Types,
    requests: Union,
    others: Union,
}

impl Unions<'_> {
    fn add_type<T: TS + 'static>(&mut self) {
        self.types.visit::<T>();
    }
}

impl MethodVisitor for Unions<'_> {
    fn visit<M: Method>(&mut self) {
        if M::EXPERIMENTAL && !self.experimental {
            return;
        }
        self.add_type::<M::Params>();
        self.add_type::<M::Response>();
        self.requests.request::<M::Params>(M::NAME);
    }
}

impl ServerMethodVisitor for Unions<'_> {
    fn visit<M: ServerMethod>(&mut self) {
        self.add_type::<M::Params>();
        self.add_type::<M::Response>();
        self.requests.request::<M::Params>(M::NAME);
    }
}

impl NotificationVisitor for Unions<'_> {
    fn visit<N: Notification>(&mut self) {
        self.add_type::<N>();
        self.others.notification::<N>(N::METHOD);
    }
}

fn slashed(path: &std::path::Path) -> String {
    path.components().collect::<PathBuf>().to_string_lossy().replace('\\', "/")
}

/// The `index.ts` of a folder: its types by name, then what else it exports.
fn index(files: &Files, folder: &str, rest: &str) -> (String, String) {
    let mut names = BTreeMap::new();
    for path in files.keys() {
        if let Some(name) = path.strip_prefix(folder).and_then(|path| path.strip_suffix(".ts"))
            && !name.contains('/')
        {
            names.insert(name, format!("export type {{ {name} }} from \"./{name}\";\n"));
        }
    }
    let names: String = names.into_values().collect();
    (format!("{folder}index.ts"), format!("{HEADER}{names}{rest}"))
}

/// Takes out the members whose comment marks them experimental, and the imports that only they needed.
fn without_experimental(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(mark) = text.find(EXPERIMENTAL_MARK) {
        let Some(start) = text[..mark].rfind("/**") else { break };
        let Some(comment_end) = text[mark..].find("*/").map(|end| mark + end + 2) else { break };
        let end = member_end(&text, comment_end);
        text.replace_range(start..end, "");
    }
    let is_unused = |line: &str| {
        line.strip_prefix("import type { ").and_then(|rest| rest.split_once(" }")).is_some_and(|(name, _)| {
            !text.lines().filter(|line| !line.starts_with("import ")).any(|line| mentions(line, name))
        })
    };
    let is_left_over = |line: &str| !line.is_empty() && line.trim().is_empty();
    text.lines().filter(|line| !is_unused(line) && !is_left_over(line)).map(|line| format!("{line}\n")).collect()
}

/// The end of the member that begins at `start`: after its comma, or before the brace that closes its object.
fn member_end(text: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, letter) in text[start..].char_indices() {
        match letter {
            '{' | '[' | '(' | '<' => depth += 1,
            '}' | ']' | ')' | '>' if depth == 0 => return start + offset,
            '}' | ']' | ')' | '>' => depth -= 1,
            ',' if depth == 0 => return start + offset + 1,
            _ => {}
        }
    }
    text.len()
}

fn mentions(line: &str, name: &str) -> bool {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == name)
}
