//! Puts the real parts together: the only place that knows everybody. `serve`, `demo`, the command line and the tests all
//! begin here.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web_data::Data;
use tokio::sync::watch;

use crate::base::{Clock, Fault, Issuer, Random};
use crate::config::Config;
use crate::endpoints::{Policy, Provider, Registry, UnregisteredResources, discovery};
use crate::identity::passwords::Hasher;
use crate::jobs::Jobs;
use crate::keys::{self, Ring, Vault, rotation};
use crate::store::{Db, Options};
use crate::tokens::{RefreshKey, Verifier};
use crate::web::{self, Csrf, HouseLook, Listen, Prepared, Serving, State, routes};
