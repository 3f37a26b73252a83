//! lang-agent on a real cluster: cards and media through the Ingress, an update with a migration, and a backup that is read back
//! from S3.

use crate::bucket::{BUCKET_AND_KUBERNETES, Bucket};
use crate::easyflow::Front;
use crate::lang_agent::{BOT, DOMAIN, Learner, NAME, OPENAI, on_test_bed, up};
use crate::support::{Kubectl, Namespace, Project};

#[test]
fn lang_agent_lives_on_kubernetes() {
    let project = Project::new(env!("CARGO_BIN_EXE_lang_agent_kubernetes"), BUCKET_AND_KUBERNETES);
    let bucket = Bucket::for_pods(&project.bed);
    let project = on_test_bed(project, &bucket)
        .with(["--config", "probes.backend.delay=1"])
        .with(["--config", &format!("secrets.telegram_bot_token={BOT}")])
        .with(["--config", &format!("secrets.openai_api_key={OPENAI}")]);
    let kubectl = Kubectl::new(&project.bed);
    let _namespace = Namespace::named(&project.bed, NAME);
    up(&project, &[]).exits(0);
    let front = Front {
        host: DOMAIN,
        port: 443,
        address: project.bed.ingress_address.clone().unwrap(),
    };
    front.leads_to_both();
    let ann = Learner::new(&front);
    ann.adds("дом");
    ann.puts_a_picture(&project);
    front.has_pages();
    assert!(front.message("/add").contains("Which word?"));
    let config = kubectl
        .get(&format!("-n {NAME} configmap,cronjob,deployment"))
        .to_string();
    for secret in ["postgresql://", BOT, OPENAI, bucket.secret_key()] {
        assert!(!config.contains(secret), "{config}");
    }
    project.is_up_to_date();

    kubectl
        .run(&format!("create job -n {NAME} --from=cronjob/postgres-backup now"))
        .exits(0);
    kubectl
        .run(&format!(
            "wait -n {NAME} --for=condition=complete job/now --timeout=90s"
        ))
        .exits(0);
    let psql =
        |database: &str| format!("exec -i -n {NAME} db-0 -- psql -q -v ON_ERROR_STOP=1 -U postgres -d {database}");
    let sql = |database: &str, line: &str| kubectl.run(&format!("{} -tAc {line}", psql(database))).exits(0).stdout;
    let make = format!("exec -n {NAME} db-0 -- createdb -U postgres restored");
    kubectl.run(&make).exits(0);
    let names = bucket.names();
    assert_eq!(names.len(), 1, "{names:?}");
    bucket.pipe(&names[0], &kubectl.line(&psql("restored")));
    assert!(sql("restored", r#"select"word"from"cards""#).contains("дом"));

    up(&project, &["backend.image_tag=2"]).exits(0);
    front.leads_to_both();
    ann.has("дом");
    ann.sees_the_picture();
    let revision = sql("langagent", r#"select"version_num"from"alembic_version""#);
    assert_eq!(revision.trim(), "0002");

    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    assert_eq!(kubectl.names(&format!("namespace {NAME}")), Vec::<String>::new());
}
