//! Who clients can prove to be, and whether they must.

use super::jaas::{JaasSection, parse_jaas};
use super::server_config::{ReadFile, rule, strict_boolean};
use super::settings::{ConfigError, Settings, Warning};
use replica::auth::{
    AfterFailure, AuthRules, DigestAlgorithm, EnsembleNames, Password, Principal, PrincipalShape,
    SaslRules,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Users = BTreeMap<String, Password>;

/// The rules that are set.
///
/// # Errors
/// For a file that cannot be read, and for rules that would let nobody in.
pub(super) fn auth_rules(
    settings: &Settings,
    read: ReadFile<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<AuthRules, ConfigError> {
    let providers = providers(settings, warnings)?;
    let digest = match strict_boolean(settings, "DigestAuthenticationProvider.enabled")? {
        Some(false) => None,
        Some(true) | None => Some(digest_algorithm(settings)?),
    };
    let rules = AuthRules {
        digest,
        super_digest: super_digest(settings)?,
        sasl: sasl_rules(settings, read, providers.sasl, warnings)?,
        ensemble: ensemble_names(settings, providers.ensemble),
        enforced_schemes: Vec::new(),
    };
    let enforced_schemes = enforced_schemes(settings, &rules)?;
    Ok(AuthRules {
        enforced_schemes,
        ..rules
    })
}

/// Which providers are asked for by name (`authProvider.N`).
#[derive(Default)]
struct Providers {
    sasl: bool,
    ensemble: bool,
}

fn providers(settings: &Settings, warnings: &mut Vec<Warning>) -> Result<Providers, ConfigError> {
    let mut asked = Providers::default();
    for (number, class, place) in settings.with_prefix("authProvider.") {
        let known = class.strip_prefix("org.apache.zookeeper.server.auth.");
        match known {
            Some("SASLAuthenticationProvider") => asked.sasl = true,
            Some("EnsembleAuthenticationProvider") => asked.ensemble = true,
            Some("DigestAuthenticationProvider" | "IPAuthenticationProvider") => {}
            Some("X509AuthenticationProvider" | "KeyAuthenticationProvider") => {
                warnings.push(Warning {
                    matters: true,
                    text: format!(
                        "{place}: authProvider.{number}={class} has no effect here AND THIS \
                         MATTERS: nobody can prove anything by it yet"
                    ),
                });
            }
            Some(_) | None => {
                return Err(ConfigError::Refused {
                    place,
                    key: format!("authProvider.{number}"),
                    value: class.to_owned(),
                    why: "it names a Java class, which this server cannot load",
                });
            }
        }
    }
    Ok(asked)
}

fn digest_algorithm(settings: &Settings) -> Result<DigestAlgorithm, ConfigError> {
    let key = "DigestAuthenticationProvider.digestAlg";
    let expected = format!("one of {}", DigestAlgorithm::NAMES);
    let algorithm = settings.parsed(key, &expected, DigestAlgorithm::parse)?;
    Ok(algorithm.unwrap_or_default())
}

fn super_digest(settings: &Settings) -> Result<Option<String>, ConfigError> {
    let expected =
        "`super:` and the base64 of a digest, such as super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
    settings.parsed(
        "DigestAuthenticationProvider.superDigest",
        expected,
        |value| {
            let (name, digest) = value.split_once(':')?;
            (!name.is_empty() && !digest.is_empty()).then(|| value.to_owned())
        },
    )
}

fn ensemble_names(settings: &Settings, asked: bool) -> EnsembleNames {
    let list = settings
        .get("ensembleAuthName")
        .map_or("", |(list, _)| list);
    let names = list.split(',').map(|name| name.trim().to_owned());
    let names: BTreeSet<String> = names.filter(|name| !name.is_empty()).collect();
    match (names.is_empty(), asked) {
        (true, false) => EnsembleNames::NotOffered,
        (true, true) => EnsembleNames::Any,
        (false, _) => EnsembleNames::Only(names),
    }
}

fn sasl_rules(
    settings: &Settings,
    read: ReadFile<'_>,
    asked: bool,
    warnings: &mut Vec<Warning>,
) -> Result<Option<SaslRules>, ConfigError> {
    let mut users = jaas_users(settings, read, warnings)?;
    users.extend(plain_users(settings, read)?);
    if users.is_empty() && !asked {
        return Ok(None);
    }
    if users.is_empty() {
        warnings.push(Warning {
            matters: true,
            text: "SASL is asked for and no users are known, so nobody is authenticated that way: \
                   name them in a file and set sasl.usersFile or java.security.auth.login.config"
                .to_owned(),
        });
    }
    for user in users.keys() {
        if Principal::parse(user).is_none() {
            return Err(rule(format!(
                "the SASL user `{user}` has a name that no access list can hold: at most one @, \
                 and at most one / before it"
            )));
        }
    }
    if let Some((password, _)) = settings.get("SASLAuthenticationProvider.superPassword")
        && let Some(known) = users.get_mut("super")
    {
        *known = Password(password.to_owned());
    }
    let is_true = |key| Ok(strict_boolean(settings, key)? == Some(true));
    let supers = settings.get("superUser").map(|(id, _)| id);
    let more = settings.with_prefix("superUser.").map(|(_, id, _)| id);
    let supers = supers.into_iter().chain(more).filter(|id| !id.is_empty());
    let anybody = settings.get("letAnySaslUserDoX").map(|(id, _)| id);
    Ok(Some(SaslRules {
        users,
        supers: supers.map(str::to_owned).collect(),
        shape: PrincipalShape {
            without_host: is_true("kerberos.removeHostFromPrincipal")?,
            without_realm: is_true("kerberos.removeRealmFromPrincipal")?,
        },
        after_failure: match strict_boolean(settings, "allowSaslFailedClients")? {
            Some(true) => AfterFailure::GoOn,
            Some(false) | None => AfterFailure::Close,
        },
        anybody: anybody.filter(|id| !id.is_empty()).map(str::to_owned),
    }))
}

/// The users of a JAAS file: options that begin with `user_`, whatever their module.
fn jaas_users(
    settings: &Settings,
    read: ReadFile<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Users, ConfigError> {
    let Some((file, _)) = settings.get("java.security.auth.login.config") else {
        return Ok(Users::new());
    };
    let file = file.trim_start_matches('=');
    let file = file.strip_prefix("file:").unwrap_or(file);
    let sections = parse_jaas(&text(file, read)?)
        .map_err(|error| rule(format!("{file} is no JAAS configuration: {error}")))?;
    let wanted = settings.get("sasl.serverconfig").map(|(name, _)| name);
    let name = wanted.unwrap_or("Server");
    let section = sections.iter().find(|section| section.name == name);
    let Some(section) = section else {
        if wanted.is_some() {
            return Err(rule(format!(
                "{file} has no section `{name}`, which sasl.serverconfig names"
            )));
        }
        warnings.push(Warning {
            matters: true,
            text: format!("{file} has no section `Server`: nobody is authenticated by SASL"),
        });
        return Ok(Users::new());
    };
    users_of(section, file)
}

fn users_of(section: &JaasSection, file: &str) -> Result<Users, ConfigError> {
    let mut users = Users::new();
    for module in &section.modules {
        if module.class.ends_with("Krb5LoginModule") {
            return Err(rule(format!(
                "the section `{}` of {file} asks for Kerberos, which this server does not have: \
                 list users for DigestLoginModule there",
                section.name
            )));
        }
        for (key, password) in &module.options {
            if let Some(user) = key.strip_prefix("user_") {
                users.insert(user.to_owned(), Password(password.clone()));
            }
        }
    }
    Ok(users)
}

/// The users of a plain file: one `user:password` in each line.
fn plain_users(settings: &Settings, read: ReadFile<'_>) -> Result<Users, ConfigError> {
    let Some((file, _)) = settings.get("sasl.usersFile") else {
        return Ok(Users::new());
    };
    let text = text(file, read)?;
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(index, line)| {
            let user = line.split_once(':').filter(|(user, _)| !user.is_empty());
            let (user, password) = user.ok_or_else(|| {
                rule(format!(
                    "{file} line {}: a user, a colon and a password are expected",
                    index + 1
                ))
            })?;
            Ok((user.to_owned(), Password(password.to_owned())))
        })
        .collect()
}

fn text(file: &str, read: ReadFile<'_>) -> Result<String, ConfigError> {
    let bytes =
        read(Path::new(file)).map_err(|error| rule(format!("{file} cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| rule(format!("{file} is not UTF-8")))
}

fn enforced_schemes(settings: &Settings, rules: &AuthRules) -> Result<Vec<String>, ConfigError> {
    let (key, schemes) = if strict_boolean(settings, "sessionRequireClientSASLAuth")? == Some(true)
    {
        ("sessionRequireClientSASLAuth", vec!["sasl".to_owned()])
    } else if strict_boolean(settings, "enforce.auth.enabled")? == Some(true) {
        let list = settings
            .get("enforce.auth.schemes")
            .map_or("", |(list, _)| list);
        let schemes = list.split(',').map(|scheme| scheme.trim().to_owned());
        ("enforce.auth.schemes", schemes.collect())
    } else {
        return Ok(Vec::new());
    };
    for scheme in &schemes {
        let can_be_proven = match scheme.as_str() {
            "digest" => rules.digest.is_some(),
            "sasl" => rules
                .sasl
                .as_ref()
                .is_some_and(|sasl| !sasl.users.is_empty()),
            "ip" => true,
            _ => false,
        };
        if !can_be_proven {
            return Err(rule(format!(
                "{key} demands the scheme `{scheme}`, which nobody can prove here: demand digest, \
                 or sasl with users in sasl.usersFile or java.security.auth.login.config"
            )));
        }
    }
    Ok(schemes)
}
