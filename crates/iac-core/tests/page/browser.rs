//! The page of a plan in a browser: filters, search, keys, paper, phones, and no script at all.

use std::error::Error;
use std::path::{Path, PathBuf};

use iac_core::review::View;
use iac_testbed::Layout;
use iac_testbed::browser::{self, Browser, Page};
use serde_json::{Value, json};

use super::views::{broken, shop};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Runs a test in a page that shows a plan; nothing may go wrong in it unheard.
pub(crate) fn with_page(view: &View, test: impl FnOnce(&mut Page<'_>, &Path) -> Result) -> Result {
    with_text(&view.to_html(), test)
}

/// The same for any page.
pub(crate) fn with_text(page: &str, test: impl FnOnce(&mut Page<'_>, &Path) -> Result) -> Result {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("page.html");
    std::fs::write(&file, page)?;
    let mut browser = Browser::start()?;
    let mut page = browser.page()?;
    page.resize(1280, 900)?;
    page.medium("screen", "light")?;
    page.open(&file)?;
    test(&mut page, &file)?;
    assert_eq!(page.complaints()?, Vec::<String>::new());
    Ok(())
}

/// The names of the steps that are shown.
fn shown(page: &mut Page<'_>) -> Result<Value> {
    Ok(page.evaluate("[...document.querySelectorAll('.step')].filter(s => s.checkVisibility()).map(s => s.querySelector('.name').textContent)")?)
}

/// Clicks on something, a box of a drawing too.
pub(crate) fn click(page: &mut Page<'_>, selector: &str) -> Result {
    let event = "new MouseEvent('click', {bubbles: true, cancelable: true, view: window})";
    page.evaluate(&format!(
        "document.querySelector({}).dispatchEvent({event})",
        json!(selector)
    ))?;
    Ok(())
}

/// Clicks on a link, and lets the page do what follows.
pub(crate) fn follow(page: &mut Page<'_>, selector: &str) -> Result {
    click(page, selector)?;
    page.evaluate("new Promise(done => setTimeout(done, 50))")?;
    Ok(())
}

/// Where pictures for people go: they are looked at, and compared with nothing.
pub(crate) fn picture(page: &mut Page<'_>, name: &str) -> Result {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder)?;
    page.picture(&folder.join(format!("{name}.png")))?;
    Ok(())
}

#[test]
fn steps_are_filtered_by_action_risk_component_and_words() -> Result {
    with_page(&shop(), |page, _| {
        assert_eq!(shown(page)?.as_array().map(Vec::len), Some(8));
        assert_eq!(page.evaluate("document.querySelector('#shown').textContent")?, "All 8");
        click(page, "input[value=update]")?;
        assert_eq!(
            shown(page)?,
            json!(["ConfigMap shop/web", "Deployment shop/web", "Service shop/web"])
        );
        assert_eq!(page.evaluate("document.querySelector('#shown').textContent")?, "3 of 8");
        click(page, "input[value=delete]")?;
        assert_eq!(shown(page)?.as_array().map(Vec::len), Some(4));
        click(page, "#reset")?;
        click(page, "input[value=data-loss]")?;
        assert_eq!(shown(page)?, json!(["StatefulSet shop/db"]));
        // A link to a step shows it, whatever hides it.
        follow(page, "#g5")?;
        assert_eq!(page.evaluate("document.activeElement.closest('.step').id")?, "s5");
        assert_eq!(page.evaluate("document.querySelector('#s5').open")?, true);
        follow(page, "#s5 .urn a")?;
        assert_eq!(page.evaluate("document.activeElement.id")?, "g5");
        page.evaluate(
            "const c = document.querySelector('#component'); c.selectedIndex = 2; c.dispatchEvent(new Event('change'))",
        )?;
        assert_eq!(shown(page)?, json!(["Password db", "StatefulSet shop/db"]));
        click(page, "#reset")?;
        page.evaluate("document.querySelector('#search').focus()")?;
        page.write("KUBECTL-edit replicas")?;
        page.evaluate("new Promise(done => setTimeout(done, 300))")?;
        assert_eq!(shown(page)?, json!(["Deployment shop/web"]));
        page.write(" nowhere")?;
        page.evaluate("new Promise(done => setTimeout(done, 300))")?;
        assert_eq!(shown(page)?, json!([]));
        assert_eq!(
            page.evaluate("document.querySelector('#nothing').checkVisibility()")?,
            true
        );
        Ok(())
    })
}

#[test]
fn keys_do_what_a_mouse_does() -> Result {
    with_page(&shop(), |page, _| {
        let here = "document.activeElement.closest('.step')?.id ?? document.activeElement.id";
        page.press("j")?;
        assert_eq!(page.evaluate(here)?, "s1");
        assert_eq!(page.evaluate("document.querySelector('#s1').open")?, false);
        page.press("Enter")?;
        assert_eq!(page.evaluate("document.querySelector('#s1').open")?, true);
        page.press("j")?;
        page.press("j")?;
        page.press("k")?;
        assert_eq!(page.evaluate(here)?, "s2");
        page.press("/")?;
        assert_eq!(page.evaluate(here)?, "search");
        // Nothing covers the step that has the focus, from wherever one comes.
        page.resize(1280, 400)?;
        page.evaluate("scrollTo(0, document.body.scrollHeight)")?;
        page.evaluate("document.activeElement.blur()")?;
        let seen = "(() => { const e = document.activeElement; const r = e.getBoundingClientRect(); return e.contains(document.elementFromPoint(r.left + 30, r.top + 8)); })()";
        for key in ["k", "k", "k", "k", "k", "k", "k", "k", "j", "j", "j", "j"] {
            page.press(key)?;
            assert_eq!(page.evaluate(seen)?, true, "after {key}");
        }
        page.resize(1280, 900)?;
        page.press("/")?;
        // Keys that are typed are text.
        page.write("jk/?")?;
        assert_eq!(page.evaluate("document.querySelector('#search').value")?, "jk/?");
        page.press("Escape")?;
        page.press("?")?;
        assert_eq!(page.evaluate("document.querySelector('#help').open")?, true);
        page.press("Escape")?;
        assert_eq!(page.evaluate("document.querySelector('#help').open")?, false);
        // Every control can be reached, and is seen when it is.
        page.evaluate("document.querySelector('.skip').focus()")?;
        let mut reached = Vec::new();
        for _ in 0..30 {
            page.press("Tab")?;
            reached.push(page.evaluate(
                "document.activeElement.id || document.activeElement.tagName + document.activeElement.className",
            )?);
            let outline =
                "const e = document.activeElement; getComputedStyle(e).outlineStyle !== 'none' || e.matches('.node')";
            assert_eq!(
                page.evaluate(&format!("(() => {{ {} }})()", outline.replacen("; ", "; return ", 1)))?,
                true
            );
        }
        for control in ["theme", "help-button", "g1", "search", "component", "open-all", "reset"] {
            assert!(reached.contains(&json!(control)), "{control} is not among {reached:?}");
        }
        Ok(())
    })
}

#[test]
fn without_scripts_everything_can_be_read() -> Result {
    with_page(&shop(), |page, file| {
        page.scripts(false)?;
        page.open(file)?;
        assert_eq!(page.evaluate("document.querySelectorAll('.step').length")?, 8);
        for hidden in ["#tools", "#theme", "#nothing"] {
            assert_eq!(
                page.evaluate(&format!("document.querySelector('{hidden}').checkVisibility()"))?,
                false,
                "{hidden}"
            );
        }
        click(page, "#s1 summary")?;
        assert_eq!(
            page.evaluate("document.querySelector('#s1 pre').checkVisibility()")?,
            true
        );
        page.scripts(true)?;
        Ok(())
    })
}

#[test]
fn on_paper_every_step_is_open() -> Result {
    with_page(&shop(), |page, file| {
        for scripts in [true, false] {
            page.scripts(scripts)?;
            page.open(file)?;
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = false)")?;
            page.medium("print", "dark")?;
            let visible = "[...document.querySelectorAll('.step .body')].every(b => b.checkVisibility({contentVisibilityAuto: false}) && b.getBoundingClientRect().height > 0)";
            assert_eq!(page.evaluate(visible)?, true, "scripts: {scripts}");
            assert_eq!(
                page.evaluate("getComputedStyle(document.body).backgroundColor")?,
                "rgb(255, 255, 255)"
            );
            assert!(page.print()?.starts_with(b"%PDF"));
            page.medium("screen", "light")?;
        }
        page.scripts(true)?;
        Ok(())
    })
}

#[test]
fn a_phone_needs_no_scrolling_sideways() -> Result {
    with_page(&broken(), |page, _| {
        page.resize(320, 640)?;
        click(page, "#open-all")?;
        assert_eq!(page.evaluate("document.documentElement.scrollWidth <= 320")?, true);
        // The sides of a diff stand below one another.
        let top = |selector: &str| format!("document.querySelector('.run {selector}').getBoundingClientRect().top");
        assert_eq!(page.evaluate(&format!("{} > {}", top("ins"), top("del")))?, true);
        picture(page, "phone")?;
        page.evaluate("document.querySelector('#s4').scrollIntoView()")?;
        picture(page, "phone-steps")?;
        page.resize(1280, 900)?;
        assert_eq!(page.evaluate(&format!("{} === {}", top("ins"), top("del")))?, true);
        Ok(())
    })
}

#[test]
fn an_engine_for_accessibility_finds_nothing() -> Result {
    let axe = browser::axe(&Layout::of_this_checkout())?;
    for (name, view) in [("shop", shop()), ("broken", broken())] {
        with_page(&view, |page, _| {
            page.evaluate(&axe)?;
            click(page, "#open-all")?;
            for (width, colours) in [(1280, "light"), (1280, "dark"), (320, "light")] {
                page.resize(width, 900)?;
                page.medium("screen", colours)?;
                let found = page.evaluate("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; ')))")?;
                assert_eq!(found, json!([]), "{name}, {width} wide, {colours}");
                picture(page, &format!("{name}-{colours}-{width}"))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn colours_can_be_switched() -> Result {
    with_page(&shop(), |page, _| {
        let back = "getComputedStyle(document.body).backgroundColor";
        let light = page.evaluate(back)?;
        click(page, "#theme")?;
        let dark = page.evaluate(back)?;
        assert_ne!(light, dark);
        page.medium("screen", "dark")?;
        assert_eq!(page.evaluate(back)?, dark);
        click(page, "#theme")?;
        assert_eq!(page.evaluate(back)?, light);
        Ok(())
    })
}

#[test]
fn what_a_page_runs_or_asks_for_does_not_go_unheard() -> Result {
    let bodies = [
        "<script>throw new Error('x')</script>",
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\"><script>document.title = 1</script>",
        "<img src=http://127.0.0.1:9/x.png>",
    ];
    let folder = tempfile::tempdir()?;
    let mut browser = Browser::start()?;
    let mut page = browser.page()?;
    for (number, body) in bodies.iter().enumerate() {
        let file = folder.path().join(format!("{number}.html"));
        std::fs::write(&file, format!("<!doctype html><title>x</title>{body}"))?;
        page.open(&file)?;
        assert!(!page.complaints()?.is_empty(), "{body}");
    }
    Ok(())
}
