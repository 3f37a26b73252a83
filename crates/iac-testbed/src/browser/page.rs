//! A page in the browser: what a person does with it, and what it has become.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::pipe::{Browser, failed};
use crate::error::{Result, io};

/// A page of a [`Browser`].
#[derive(Debug)]
pub struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(browser: &'a mut Browser, session: String) -> Result<Self> {
        let mut page = Self { browser, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(page)
    }

    /// Calls a method of the DevTools protocol.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) with the browser's own words.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        self.browser.call(Some(&self.session), method, parameters)
    }

    /// Opens a file and waits until it is loaded.
    ///
    /// # Errors
    /// As [`Page::call`].
    pub fn open(&mut self, file: &Path) -> Result<()> {
        self.call("Page.navigate", &json!({"url": format!("file://{}", file.display())}))?;
        self.browser.wait_for(&self.session, "Page.loadEventFired")?;
        Ok(())
    }

    /// The value of an expression in the page, promises awaited.
    ///
    /// # Errors
    /// As [`Page::call`], also where the expression throws.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", &parameters)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(failed(expression, &thrown.to_string())),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Presses a key: a character, or the name of a key.
    ///
    /// # Errors
    /// As [`Page::call`].
    pub fn press(&mut self, key: &str) -> Result<()> {
        let text = if key == "Enter" { "\r" } else { key };
        let mut event = json!({"type": "keyDown", "key": key});
        match key {
            "Tab" => event["windowsVirtualKeyCode"] = 9.into(),
            "Enter" => event["windowsVirtualKeyCode"] = 13.into(),
            "Escape" => event["windowsVirtualKeyCode"] = 27.into(),
            _ => {}
        }
        if text.chars().count() == 1 {
            event["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", &event)?;
        event["type"] = "keyUp".into();
        if let Some(event) = event.as_object_mut() {
            event.remove("text");
        }
        self.call("Input.dispatchKeyEvent", &event)?;
        Ok(())
    }

    /// Types a text, key by key.
    ///
    /// # Errors
    /// As [`Page::call`].
    pub fn write(&mut self, text: &str) -> Result<()> {
        text.chars().try_for_each(|c| self.press(&c.to_string()))
    }

    /// Sets the size of the window.
    ///
    /// # Errors
    /// As [`Page::call`].
    pub fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &size).map(drop)
    }

    /// Sets the medium (`screen`, `print`) and the preferred colours (`light`, `dark`).
    ///
    /// # Errors
    /// As [`Page::call`].
    pub fn medium(&mut self, medium: &str, colours: &str) -> Result<()> {
        let features = json!([{"name": "prefers-color-scheme", "value": colours}]);
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({"media": medium, "features": features}),
        )
        .map(drop)
    }

    /// Allows scripts, or forbids them.
    ///
    /// # Errors
    /// As [`Page::call`].
    pub fn scripts(&mut self, allowed: bool) -> Result<()> {
        self.call("Emulation.setScriptExecutionDisabled", &json!({"value": !allowed}))
            .map(drop)
    }

    /// Writes a picture of what the window shows, as PNG.
    ///
    /// # Errors
    /// As [`Page::call`], and where the file cannot be written.
    pub fn picture(&mut self, file: &Path) -> Result<()> {
        let picture = self.call("Page.captureScreenshot", &json!({"format": "png"}))?;
        let bytes = decoded(&picture["data"])?;
        std::fs::write(file, bytes).map_err(io("write", file))
    }

    /// Prints the page, as PDF.
    ///
    /// # Errors
    /// As [`Page::call`].
    pub fn print(&mut self) -> Result<Vec<u8>> {
        let printed = self.call("Page.printToPDF", &json!({"printBackground": true}))?;
        decoded(&printed["data"])
    }

    /// Returns the complaints of the page so far, and its requests to the network: errors of scripts, refusals of its
    /// policy, requests other than for the file itself.
    ///
    /// # Errors
    /// As [`Page::call`].
    pub fn complaints(&mut self) -> Result<Vec<String>> {
        // Every event that was sent before this answer has arrived by then.
        self.evaluate("0")?;
        let told = |event: &Value| match event["method"].as_str()? {
            "Runtime.exceptionThrown" => Some(event["params"]["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" => Some(event["params"]["args"].to_string()),
            "Log.entryAdded" => Some(event["params"]["entry"]["text"].to_string()),
            "Network.requestWillBeSent" => {
                let request = &event["params"];
                (request["type"] != "Document").then(|| request["request"]["url"].to_string())
            }
            "Page.javascriptDialogOpening" => Some("a dialog of a script".to_owned()),
            _ => None,
        };
        Ok(self.browser.events(&self.session).iter().filter_map(told).collect())
    }
}

fn decoded(data: &Value) -> Result<Vec<u8>> {
    let decoded = STANDARD.decode(data.as_str().unwrap_or_default());
    decoded.map_err(|error| failed("reading what it sent", &error.to_string()))
}
