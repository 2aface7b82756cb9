//! A browser, spoken to through its driver (W3C WebDriver over HTTP on this machine).

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long the driver may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
const WIDTH: u32 = 1440;
const HEIGHT: u32 = 900;
/// Under this name drivers give elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser without a window.
pub(super) struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts the driver and a browser whose profile lies in a folder.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start chromedriver")?;
        let mut browser = Browser {
            driver,
            port,
            session: String::new(),
        };
        browser.wait()?;
        let profile = folder.join("profile");
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--window-size={WIDTH},{HEIGHT}"),
            format!("--user-data-dir={}", profile.display()),
        ];
        let wish = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let made = browser.post("/session", &wish)?;
        let session = made["sessionId"]
            .as_str()
            .context("the driver gave no session")?;
        browser.session = format!("/session/{session}");
        Ok(browser)
    }

    fn wait(&self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("chromedriver does not listen")
    }

    /// Opens an address.
    pub(super) fn go(&mut self, address: &str) -> Result<()> {
        self.ask("/url", &json!({"url": address})).map(drop)
    }

    /// Runs the body of a function in the page; gives what it returns.
    pub(super) fn script(&mut self, body: &str) -> Result<Value> {
        self.ask("/execute/sync", &json!({"script": body, "args": []}))
    }

    /// Types into a field, in the place of what stands there.
    pub(super) fn type_into(&mut self, id: &str, text: &str) -> Result<()> {
        let element = self.element(&format!("#{id}"))?;
        self.ask(&format!("/element/{element}/clear"), &json!({}))?;
        let typed = json!({"text": text});
        self.ask(&format!("/element/{element}/value"), &typed)
            .map(drop)
    }

    /// Clicks what a selector names.
    pub(super) fn click(&mut self, selector: &str) -> Result<()> {
        let element = self.element(selector)?;
        self.ask(&format!("/element/{element}/click"), &json!({}))
            .map(drop)
    }

    /// Clicks a place of the window.
    pub(super) fn click_at(&mut self, x: i64, y: i64) -> Result<()> {
        let actions = json!({"actions": [{"type": "pointer", "id": "mouse", "actions": [
            {"type": "pointerMove", "duration": 0, "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]}]});
        self.ask("/actions", &actions).map(drop)
    }

    /// Presses a key, by its name in the page's events, with the page itself in focus.
    pub(super) fn press(&mut self, key: &str) -> Result<()> {
        self.script("document.activeElement?.blur();")?;
        let code = match key {
            "ArrowLeft" => "\u{e012}",
            other => other,
        };
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": code},
            {"type": "keyUp", "value": code},
        ]}]});
        self.ask("/actions", &actions).map(drop)
    }

    /// Takes a picture of the window.
    pub(super) fn screenshot(&mut self, file: &Path) -> Result<()> {
        // The page draws when the browser is ready for it.
        self.script("draw();")?;
        let taken = self.send("GET", &format!("{}/screenshot", self.session), None)?;
        let picture = taken.as_str().and_then(|text| STANDARD.decode(text).ok());
        let picture = picture.context("the driver gave no picture")?;
        fs::write(file, picture).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Errors that the browser logged since the last time.
    pub(super) fn logged(&mut self) -> Result<Vec<String>> {
        let entries = self.ask("/se/log", &json!({"type": "browser"}))?;
        let entries = entries.as_array().cloned().unwrap_or_default();
        let is_error = |entry: &&Value| entry["level"] == "SEVERE";
        Ok(entries
            .iter()
            .filter(is_error)
            .map(|entry| entry["message"].to_string())
            .collect())
    }

    fn element(&mut self, selector: &str) -> Result<String> {
        let wish = json!({"using": "css selector", "value": selector});
        let found = self.ask("/element", &wish)?;
        let id = found[ELEMENT].as_str();
        Ok(id
            .with_context(|| format!("there is no {selector}"))?
            .to_owned())
    }

    fn ask(&mut self, path: &str, body: &Value) -> Result<Value> {
        self.post(&format!("{}{path}", self.session), body)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send("POST", path, Some(body))
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let (_, body) = answer
            .split_once("\r\n\r\n")
            .context("the driver's answer has no end")?;
        let mut value: Value =
            serde_json::from_str(body).context("the driver's answer is no JSON")?;
        let value = value["value"].take();
        if let Some(error) = value.get("error").and_then(Value::as_str) {
            bail!("the driver says {error}: {}", value["message"]);
        }
        Ok(value)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.send("DELETE", &self.session, None);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
