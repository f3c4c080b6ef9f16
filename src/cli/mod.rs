//! The command line: every act of an operator, and the server itself.
//!
//! Each verb ends in one [`Answer`], printed as text or, with `--json`, as one line. Secrets are read from standard input and
//! printed once; they are never arguments, which every user of a machine can see.

mod answer;
mod audit;
mod client_args;
mod clients;
mod demo;
mod doctor;
mod factors;
mod healthcheck;
mod import;
mod init;
mod keys;
mod log;
mod migrate;
mod open;
mod paste;
mod resources;
mod seed;
mod serve;
mod sessions;
mod upstreams;
mod users;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::Plugins;
use answer::{Answer, Failure, Form};

/// Vouchsafe, an OpenID Connect identity provider.
#[derive(Parser)]
#[command(name = "vouchsafe", version, about, arg_required_else_help = true)]
struct Arguments {
    /// The settings file; without it `vouchsafe.toml` of this folder, if there is one, and the environment.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer with one line of JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "made once a process, by clap")]
enum Verb {
    /// Write a settings file and a master key.
    Init(init::Init),
    /// Serve.
    Serve,
    /// Start a complete issuer on this machine, with a person, a client and a page to try them.
    Demo(demo::Demo),
    /// Bring the database up to date.
    Migrate,
    /// Check the settings.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Check settings, database, keys and surroundings.
    Doctor,
    /// Applications that people sign in to.
    #[command(subcommand)]
    Client(clients::Verb),
    /// People.
    #[command(subcommand)]
    User(users::Verb),
    /// APIs that access tokens can be made out to.
    #[command(subcommand)]
    Resource(resources::Verb),
    /// Other providers that people may sign in with.
    #[command(subcommand)]
    Upstream(upstreams::Verb),
    /// Signing keys.
    #[command(subcommand)]
    Key(keys::Verb),
    /// Where people are signed in.
    #[command(subcommand)]
    Session(sessions::Verb),
    /// What happened.
    Audit(audit::Audit),
    /// Ask the running server whether it is alive.
    Healthcheck,
}

#[derive(Subcommand)]
enum ConfigVerb {
    /// Name every problem of the settings.
    Check,
}

/// Does what the arguments of this process say.
pub fn run() -> ExitCode {
    run_with(Plugins::default())
}

/// The same for a program that brings plugins of its own.
pub fn run_with(plugins: Plugins) -> ExitCode {
    let arguments = Arguments::parse();
    let form = if arguments.json { Form::Json } else { Form::Text };
    let file = open::settings_file(arguments.config);
    match answer_to(arguments.verb, file.as_deref(), form, plugins) {
        Ok(answer) => answer.print(form),
        Err(failure) => failure.print(form),
    }
}

fn answer_to(verb: Verb, file: Option<&std::path::Path>, form: Form, plugins: Plugins) -> Result<Answer, Failure> {
    match verb {
        Verb::Init(init) => init::run(&init),
        Verb::Serve => serve::run(file, plugins),
        Verb::Demo(demo) => demo::run(&demo, form),
        Verb::Migrate => migrate::run(file),
        Verb::Config(ConfigVerb::Check) => doctor::config_check(file, &plugins),
        Verb::Doctor => doctor::run(file),
        Verb::Client(verb) => open::at_desk(file, async |desk, config| clients::run(verb, desk, config).await),
        Verb::User(verb) => open::at_desk(file, async |desk, config| users::run(verb, desk, config, form).await),
        Verb::Resource(verb) => open::at_desk(file, async |desk, _| resources::run(verb, desk).await),
        Verb::Upstream(verb) => open::at_desk(file, async |desk, config| upstreams::run(verb, desk, config).await),
        Verb::Key(verb) => open::at_desk(file, async |desk, config| keys::run(verb, desk, config).await),
        Verb::Session(verb) => open::at_desk(file, async |desk, _| sessions::run(verb, desk).await),
        Verb::Audit(audit) => open::at_desk(file, async |desk, _| audit::run(audit, desk).await),
        Verb::Healthcheck => healthcheck::run(file),
    }
}
