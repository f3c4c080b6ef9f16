//! Why a mail was not sent: at which step, whether another try may help, and a cause that is fit for the log.

use lettre::transport::smtp::Error;

/// What was being done. Its word stands in the row and in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The row could not be opened: the master key was replaced.
    Opening,
    /// No words could be made of it.
    Writing,
    Connection,
    Tls,
    SignIn,
    Sender,
    Recipient,
    Message,
    /// A file could not be written.
    Folder,
}

impl Stage {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Writing => "writing",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::SignIn => "sign-in",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Message => "message",
            Self::Folder => "folder",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hope {
    /// Another try may help.
    Passing,
    /// This mail can never be sent.
    Lasting,
}

/// One try that failed.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) stage: Stage,
    pub(super) hope: Hope,
    /// Without an address, a link or a code.
    pub(super) cause: String,
}

impl Trouble {
    /// Trouble that may pass.
    pub(super) fn new(stage: Stage, cause: impl Into<String>) -> Self {
        Self { stage, hope: Hope::Passing, cause: cause.into() }
    }

    pub(super) fn lasting(stage: Stage, cause: impl Into<String>) -> Self {
        Self { stage, hope: Hope::Lasting, cause: cause.into() }
    }

    /// What the mail server said: 5xx is final (RFC 5321 section 4.2.1), all else may pass. Its words may quote the
    /// address, so of an answer only the code is kept.
    pub(super) fn of(stage: Stage, error: &Error) -> Self {
        let hope = if error.is_permanent() { Hope::Lasting } else { Hope::Passing };
        let cause = match error.status() {
            Some(code) => format!("the mail server answered {code}"),
            None if error.is_response() => "the mail server answered what is no SMTP".to_owned(),
            None => error.to_string(),
        };
        Self { stage, hope, cause }
    }

    /// The same where the step concerns every mail and not this one.
    pub(super) fn passing(self) -> Self {
        Self { hope: Hope::Passing, ..self }
    }
}
