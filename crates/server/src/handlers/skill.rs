//! `skills/*`: which skills there are, and switching them.

use std::path::{Path, PathBuf};

use config::SkillSelector;
use extensions::skills::{Found, Interface, Scope, Skill, ToolDependency};
use protocol as p;
use types::AbsPath;

use super::thread_settings::usable_config;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;
use crate::wire::abs;

/// Lists the skills of each folder; without folders, those of the server's own. A folder that does not exist has none.
pub(crate) async fn list(cx: Cx, params: p::SkillsListParams) -> Handled<p::SkillsListResponse> {
    let environment = cx.server.engine.environment();
    let mut extra: Vec<(PathBuf, Vec<AbsPath>)> = Vec::new();
    for roots in params.per_cwd_extra_user_roots.unwrap_or_default() {
        extra.push((roots.cwd, roots.extra_user_roots.iter().map(|root| absolute(root)).collect::<Result<_, _>>()?));
    }
    if params.force_reload {
        environment.skills.forget();
    }
    let cwds = if params.cwds.is_empty() { vec![environment.cwd.as_path().to_owned()] } else { params.cwds };
    let worker = cx.clone();
    // Looking through folders may take a while on a slow disk.
    let data = tokio::task::spawn_blocking(move || {
        let data = cwds.into_iter().map(|cwd| entry(&worker, cwd, &extra)).collect::<Result<Vec<_>, _>>();
        worker.server.watch_skills();
        data
    });
    let data = data.await.map_err(|_| RpcError::internal("the search for skills failed"))??;
    Ok(p::SkillsListResponse { data }.into())
}

fn absolute(path: &Path) -> Result<AbsPath, RpcError> {
    AbsPath::new(path).map_err(|_| {
        let path = path.display();
        RpcError::invalid_request(format_args!("skills/list extraUserRoots must be absolute: {path}"))
    })
}

fn entry(cx: &Cx, cwd: PathBuf, extra: &[(PathBuf, Vec<AbsPath>)]) -> Result<p::SkillsListEntry, RpcError> {
    let environment = cx.server.engine.environment();
    let folder = AbsPath::new(&cwd).ok().filter(|folder| folder.is_dir());
    let Some(folder) = folder else {
        return Ok(p::SkillsListEntry { cwd, skills: Vec::new(), errors: Vec::new() });
    };
    let config = usable_config(cx, &folder)?;
    let extra = extra.iter().find(|(of, _)| *of == cwd).map_or(&[][..], |(_, roots)| roots);
    let found = environment.discover_skills(&config, &folder, extra);
    let Found { skills, errors } = &*found;
    let errors = errors.iter();
    let errors =
        errors.map(|error| p::SkillErrorInfo { path: error.path.as_path().to_owned(), message: error.message.clone() });
    Ok(p::SkillsListEntry { cwd, skills: skills.iter().map(skill_to_wire).collect(), errors: errors.collect() })
}

fn skill_to_wire(skill: &Skill) -> p::SkillMetadata {
    p::SkillMetadata {
        name: skill.name.clone(),
        description: skill.description.clone(),
        short_description: skill.short_description.clone(),
        interface: skill.interface.as_ref().map(interface_to_wire),
        dependencies: (!skill.dependencies.is_empty())
            .then(|| p::SkillDependencies { tools: skill.dependencies.iter().map(dependency_to_wire).collect() }),
        path: abs(&skill.path),
        scope: match skill.scope {
            Scope::Repo => p::SkillScope::Repo,
            Scope::User => p::SkillScope::User,
            Scope::System => p::SkillScope::System,
            Scope::Admin => p::SkillScope::Admin,
        },
        enabled: skill.enabled,
    }
}

fn interface_to_wire(interface: &Interface) -> p::SkillInterface {
    p::SkillInterface {
        display_name: interface.display_name.clone(),
        short_description: interface.short_description.clone(),
        icon_small: interface.icon_small.as_ref().map(abs),
        icon_large: interface.icon_large.as_ref().map(abs),
        brand_color: interface.brand_color.clone(),
        default_prompt: interface.default_prompt.clone(),
    }
}

fn dependency_to_wire(dependency: &ToolDependency) -> p::SkillToolDependency {
    p::SkillToolDependency {
        kind: dependency.kind.clone(),
        value: dependency.value.clone(),
        description: dependency.description.clone(),
        transport: dependency.transport.clone(),
        command: dependency.command.clone(),
        url: dependency.url.clone(),
    }
}

/// Switches a skill in the user's file, whether or not there is such a skill.
pub(crate) async fn write_config(cx: Cx, params: p::SkillsConfigWriteParams) -> Handled<p::SkillsConfigWriteResponse> {
    let name = params.name.filter(|name| !name.trim().is_empty());
    let skill = match (params.path, name) {
        (Some(path), None) => {
            AbsPath::new(path.as_path()).map(SkillSelector::Path).map_err(RpcError::invalid_params)?
        }
        (None, Some(name)) => SkillSelector::Name(name.trim().to_owned()),
        _ => return Err(RpcError::invalid_params("skills/config/write requires exactly one of path or name")),
    };
    let enabled = params.enabled;
    cx.server.engine.environment().loader.switch_skill(&skill, enabled)?;
    Ok(p::SkillsConfigWriteResponse { effective_enabled: enabled }.into())
}
