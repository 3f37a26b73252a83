//! Plans as people see them, made by hand.

use iac_core::plan::{Action, Mode};
use iac_core::provider::RiskKind;
use iac_core::review::model::{
    ChangeView, Commit, Commits, Count, Edge, EffectView, ExportView, FieldSign, FieldView, Group, GroupKind, KeptView,
    NoteView, Piece, ProblemView, RiskView, Show, StepView, Tag, View,
};

/// A step without anything to say.
pub(crate) fn step(id: usize, component: &str, name: &str, action: Action) -> StepView {
    let (sign, word) = match action {
        Action::Create => ("+", "create"),
        Action::Update => ("~", "update"),
        Action::Replace => ("±", "replace"),
        Action::Delete => ("-", "delete"),
        Action::Wait => (".", "wait"),
        _ => ("?", "other"),
    };
    StepView {
        id,
        key: format!("{component}::{name}"),
        urn: format!("prod::{component}::{name}"),
        component: component.to_owned(),
        name: name.to_owned(),
        sign: sign.to_owned(),
        action,
        word: word.to_owned(),
        source: Some(format!("stacks/prod.rs:{}:5", id + 10)),
        reasons: Vec::new(),
        risks: Vec::new(),
        effects: Vec::new(),
        order: Vec::new(),
        fields: Vec::new(),
        lines_vary: false,
        ranges: Vec::new(),
        counted: None,
        new: None,
        not_checked: None,
        notes: Vec::new(),
        after: Vec::new(),
        ready_after: Vec::new(),
        same_as: None,
    }
}

/// Adds a risk to a step.
pub(crate) fn risk(step: &mut StepView, kind: RiskKind, label: &str, message: &str) {
    step.risks.push(RiskView {
        kind,
        label: label.to_owned(),
        step: step.id,
        name: step.name.clone(),
        message: message.to_owned(),
    });
}

/// Returns an edge to a step that has to come first.
pub(crate) fn after(step: usize, ready: bool) -> Edge {
    Edge {
        step: Some(step),
        name: format!("step {step}"),
        ready,
    }
}

/// A changed field with two values.
pub(crate) fn field(path: &str, before: Option<&str>, after: Option<&str>) -> FieldView {
    let sign = match (before, after) {
        (None, _) => FieldSign::Added,
        (_, None) => FieldSign::Removed,
        _ => FieldSign::Changed,
    };
    let change = ChangeView::Line {
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
        remark: None,
        words: None,
    };
    FieldView {
        path: path.to_owned(),
        sign,
        origin: None,
        source: None,
        show: Show::Always,
        change,
    }
}

/// A plan with these groups.
pub(crate) fn view(groups: Vec<Group>) -> View {
    let steps: Vec<&StepView> = groups.iter().flat_map(|group| &group.steps).collect();
    let mut counts: Vec<Count> = Vec::new();
    for step in &steps {
        match counts.iter_mut().find(|count| count.action == step.action) {
            Some(count) => count.count += 1,
            None => counts.push(Count {
                action: step.action,
                word: step.word.clone(),
                count: 1,
            }),
        }
    }
    let risks = steps.iter().flat_map(|step| step.risks.clone()).collect();
    let summary: Vec<String> = counts
        .iter()
        .map(|count| format!("{} to {}", count.count, count.word))
        .collect();
    View {
        stack: "prod".to_owned(),
        mode: Mode::Up,
        observed: true,
        targets: vec!["kubernetes: context test, https://10.0.0.1:6443".to_owned()],
        commits: None,
        summary: format!("Plan: {}", summary.join(", ")),
        counts,
        risks,
        groups,
        notes: Vec::new(),
        kept: Vec::new(),
        exports: Vec::new(),
        problems: Vec::new(),
    }
}

/// A group of changes.
pub(crate) fn group(component: &str, steps: Vec<StepView>) -> Group {
    Group {
        kind: GroupKind::Changes,
        component: component.to_owned(),
        steps,
    }
}

fn piece(tag: Tag, text: &str) -> Piece {
    Piece {
        tag,
        text: text.to_owned(),
    }
}

/// A release of a small shop: one of everything that a page shows.
pub(crate) fn shop() -> View {
    let mut namespace = step(1, "", "Namespace shop", Action::Create);
    namespace.reasons = vec!["it is new".to_owned()];
    namespace.new = Some(vec!["metadata:".to_owned(), "  name: shop".to_owned()]);
    let mut password = step(2, "db", "Password db", Action::Create);
    password.fields = vec![field("/length", None, Some("32"))];
    let mut database = step(3, "db", "StatefulSet shop/db", Action::Replace);
    database.order = vec!["the old one is deleted first".to_owned()];
    database.after = vec![after(1, false), after(2, false)];
    database.fields = vec![
        field("spec.serviceName", Some("\"db\""), Some("\"db-0\"")),
        FieldView {
            change: ChangeView::Secret {
                shown: Some("\"postgres://app:(secret)@db\"".to_owned()),
            },
            ..field("spec.template.env[URL]", Some(""), Some(""))
        },
    ];
    risk(
        &mut database,
        RiskKind::DataLoss,
        "data-loss",
        "claim shop/data-db-0 starts empty",
    );
    risk(
        &mut database,
        RiskKind::Downtime,
        "downtime",
        "stops 1 pod, then starts the new one",
    );
    database.effects = vec![EffectView {
        label: "data".to_owned(),
        text: "claim shop/data-db-0 (10Gi): used again".to_owned(),
    }];
    let mut settings = step(4, "web", "ConfigMap shop/web", Action::Update);
    settings.fields = vec![FieldView {
        change: ChangeView::Lines {
            lines: vec![
                piece(Tag::Same, "listen 80;"),
                piece(Tag::Removed, "workers 1;"),
                piece(Tag::Removed, "timeout 10;"),
                piece(Tag::Added, "workers 4;"),
                piece(Tag::Same, "log on;"),
                piece(Tag::Gap, ""),
                piece(Tag::Same, "root /srv;"),
                piece(Tag::Added, "gzip on;"),
            ],
            added: 2,
            removed: 2,
        },
        ..field("data[\"nginx.conf\"]", Some(""), Some(""))
    }];
    settings.reasons = vec!["data[\"nginx.conf\"] was changed".to_owned()];
    let mut web = step(5, "web", "Deployment shop/web", Action::Update);
    web.after = vec![after(4, false), after(3, true)];
    web.reasons = vec![
        "image was changed".to_owned(),
        "replicas was changed by kubectl-edit".to_owned(),
    ];
    web.fields = vec![
        FieldView {
            change: ChangeView::Line {
                before: Some("\"registry/shop/web:1\"".to_owned()),
                after: Some("\"registry/shop/web:2\"".to_owned()),
                remark: None,
                words: Some(vec![
                    piece(Tag::Same, "\"registry/shop/web:"),
                    piece(Tag::Removed, "1"),
                    piece(Tag::Added, "2"),
                    piece(Tag::Same, "\""),
                ]),
            },
            source: Some("line 23".to_owned()),
            ..field("spec.template.spec.containers[name=web].image", Some(""), Some(""))
        },
        FieldView {
            origin: Some("kubectl-edit".to_owned()),
            source: Some("web/common.yaml:7".to_owned()),
            ..field("spec.replicas", Some("5"), Some("3"))
        },
        FieldView {
            show: Show::Counted,
            ..field("spec.description", Some("a"), Some("b"))
        },
    ];
    web.counted = Some("of descriptions".to_owned());
    web.effects = vec![EffectView {
        label: "restart".to_owned(),
        text: "replaces 3 pods, with none missing; no gap expected".to_owned(),
    }];
    web.not_checked = Some("the namespace is not there yet".to_owned());
    let mut service = step(6, "web", "Service shop/web", Action::Update);
    service.same_as = Some(4);
    service.notes = vec!["its port stays".to_owned()];
    let mut old = step(7, "web", "Job shop/migrate", Action::Delete);
    old.ready_after = vec![after(5, true)];
    old.reasons = vec!["it is no longer declared".to_owned()];
    let wait = step(8, "", "Ingress shop/web", Action::Wait);
    let mut view = view(vec![
        group("", vec![namespace]),
        group("db", vec![password, database]),
        group("web", vec![settings, web, service, old]),
        Group {
            kind: GroupKind::Waits,
            component: String::new(),
            steps: vec![wait],
        },
    ]);
    view.commits = Some(Commits {
        from: "1a2b3c4".to_owned(),
        to: "5d6e7f8".to_owned(),
        newest: vec![Commit {
            id: "5d6e7f8".to_owned(),
            subject: "Web 2".to_owned(),
            author: "A. Person".to_owned(),
        }],
        more: 1,
        uncommitted: true,
        ..Commits::default()
    });
    view.notes = vec![NoteView {
        name: Some("Deployment/web".to_owned()),
        source: None,
        message: "nothing limits its memory".to_owned(),
    }];
    view.kept = vec![KeptView {
        holder: "StatefulSet/cache".to_owned(),
        kind: "claim".to_owned(),
        name: "shop/data-cache-0".to_owned(),
        amount: "1Gi".to_owned(),
        unmarked: false,
    }];
    view.exports = vec![ExportView {
        name: "url".to_owned(),
        value: "\"https://shop.example\"".to_owned(),
        remark: None,
    }];
    view
}

/// The shop with a fault, looked at from the record alone.
pub(crate) fn broken() -> View {
    let mut view = shop();
    view.observed = false;
    view.problems = vec![ProblemView {
        urn: Some("prod::web::Deployment shop/web".to_owned()),
        source: Some("stacks/prod.rs:15:5".to_owned()),
        message: vec!["spec.replicas: -1 is no number of pods".to_owned()],
        hint: vec!["take 0 to stop it".to_owned()],
    }];
    view
}
