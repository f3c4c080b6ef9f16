//! A mail server (RFC 5321, submission by RFC 6409): the dialogue step by step, so that it is known which step failed, and
//! connections that are kept only when the last dialogue on them ended well.
//!
//! Every step has a deadline. A dialogue that is given up takes its connection with it: an answer that comes late must not
//! be read as the answer to the next mail.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Quit, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};

use super::message::Addressed;
use super::trouble::{Stage, Trouble};
use super::way::{Place, Security};

/// Connections that are kept open between two mails, and for how long.
const KEPT: usize = 4;
const KEPT_FOR: Duration = Duration::from_secs(30);

/// The mail server of the settings.
pub(super) struct Smtp {
    place: Place,
    hello: ClientId,
    ca_file: Option<PathBuf>,
    /// How long each step may take.
    deadline: Duration,
    /// Read when first needed: the system's authorities take their time.
    tls: OnceLock<TlsParameters>,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    /// Nothing is opened yet. `own_name` is the host that we say to be.
    pub(super) fn new(place: Place, own_name: &str, ca_file: Option<PathBuf>, deadline: Duration) -> Self {
        let hello = match own_name.trim_matches(['[', ']']).parse() {
            Ok(std::net::IpAddr::V4(ip)) => ClientId::Ipv4(ip),
            Ok(std::net::IpAddr::V6(ip)) => ClientId::Ipv6(ip),
            Err(_) => ClientId::Domain(own_name.to_owned()),
        };
        Self { place, hello, ca_file, deadline, tls: OnceLock::new(), idle: Mutex::default() }
    }

    /// Hands a message to the mail server, for one recipient.
    ///
    /// # Errors
    /// The step that failed and whether another try may help.
    pub(super) async fn send(&self, message: &Addressed) -> Result<(), Trouble> {
        let mut connection = match self.kept().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut options = Vec::new();
        if !(message.to.as_ref() as &str).is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Trouble::lasting(Stage::Recipient, "the mail server takes no addresses beyond ASCII"));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let mail = Mail::new(Some(message.from.clone()), options);
        // That it does not take us as a sender is ours to mend, and every other mail meets the same.
        self.step(Stage::Sender, connection.command(mail)).await.map_err(Trouble::passing)?;
        self.step(Stage::Recipient, connection.command(Rcpt::new(message.to.clone(), Vec::new()))).await?;
        self.step(Stage::Message, connection.command(Data)).await?;
        self.step(Stage::Message, connection.message(&message.bytes)).await?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push((connection, Instant::now()));
        }
        Ok(())
    }

    /// Connects, and signs in where there is somebody to sign in as; sends nothing.
    ///
    /// # Errors
    /// The step that failed.
    pub(super) async fn try_out(&self) -> Result<(), Trouble> {
        let mut connection = self.connect().await?;
        drop(self.step(Stage::Connection, connection.command(Quit)).await);
        Ok(())
    }

    /// A kept connection that still answers.
    async fn kept(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (mut connection, since) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() < KEPT_FOR && self.step(Stage::Connection, connection.command(Noop)).await.is_ok() {
                return Some(connection);
            }
        }
    }

    /// # Errors
    /// The step that failed: all of these are worth another try, for they concern no single mail.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let Place { host, port, security, credentials } = &self.place;
        let implicit = if *security == Security::Tls { Some(self.tls()?) } else { None };
        let opening =
            AsyncSmtpConnection::connect_tokio1((host.as_str(), *port), Some(self.deadline), &self.hello, implicit, None);
        let mut connection = self.step(Stage::Connection, opening).await.map_err(Trouble::passing)?;
        if *security == Security::StartTls {
            if !connection.can_starttls() {
                return Err(Trouble::new(Stage::Tls, "the mail server offers no STARTTLS, and without it nothing is sent"));
            }
            self.step(Stage::Tls, connection.starttls(self.tls()?, &self.hello)).await.map_err(Trouble::passing)?;
        }
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.expose().clone());
            let signing_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
            self.step(Stage::SignIn, signing_in).await.map_err(Trouble::passing)?;
        }
        Ok(connection)
    }

    fn tls(&self) -> Result<TlsParameters, Trouble> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let broken = |error: &dyn std::fmt::Display| Trouble::new(Stage::Tls, format!("outbound.ca_file: {error}"));
        let mut builder = TlsParameters::builder(self.place.host.clone());
        if let Some(file) = &self.ca_file {
            let pem = std::fs::read(file).map_err(|error| broken(&error))?;
            builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| broken(&error))?);
        }
        let tls = builder.build().map_err(|error| Trouble::new(Stage::Tls, error.to_string()))?;
        Ok(self.tls.get_or_init(|| tls).clone())
    }

    async fn step<T>(&self, stage: Stage, work: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
        match tokio::time::timeout(self.deadline, work).await {
            Ok(result) => result.map_err(|error| Trouble::of(stage, &error)),
            Err(_) => Err(Trouble::new(stage, "no answer in time")),
        }
    }
}
