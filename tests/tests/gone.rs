//! A device whose database is not there any more, while its key and its other files are.

use std::fs;

use pimesh::api::{Reply, Request, Status};
use pimesh_tests::device::{Device, agree, pair};
use serde_json::Value;

use crate::couple::{Couple, card, doc, import, set};
use crate::program::Program;

async fn status(device: &Device, request: Request) -> Status {
    match device.ask(request).await {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_device_whose_database_is_gone_is_not_well_and_says_what_to_do() {
    for way in ["removed", "empty"] {
        let program = Program::new("laptop");
        let file = program.device.folder().join("ann.vcf");
        fs::write(&file, card("ann", "FN:Ann")).unwrap();
        program.json(&["import", file.to_str().unwrap()]);
        let database = program.device.home.database();
        match way {
            "empty" => fs::write(&database, "").unwrap(),
            _ => fs::remove_file(&database).unwrap(),
        }
        let list = program.output(&["list"]);
        let said = String::from_utf8(list.stderr).unwrap();
        assert!(said.contains("restore-backup"), "{way}: {said:?}");
        for _ in 0..2 {
            let (status, _) = program.json(&["status"]);
            let notices = status["notices"].as_array().unwrap();
            let kinds: Vec<&Value> = notices.iter().map(|notice| &notice["kind"]).collect();
            assert_eq!(kinds, ["gone"], "{way}");
            assert!(notices[0]["incarnation"].as_u64().unwrap() > 0);
            let (health, code) = program.json(&["doctor"]);
            assert_eq!(code, 1, "{way}: {health}");
        }
        program.json(&["status", "--acknowledge"]);
        assert_eq!(program.json(&["doctor"]).1, 0);
        assert_eq!(
            program.json(&["status"]).0["notices"],
            Value::Array(Vec::new())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_whose_database_is_gone_gets_everything_back_by_pairing_again() {
    let mut couple = Couple::with(&card("ann", "FN:Ann\nTITLE:old")).await;
    let ann = doc(&couple.laptop, "Ann").await;
    couple.laptop.edit(&ann, set("TITLE", "new")).await;
    couple.agree().await;
    let before = couple.phone.items().await;
    couple.laptop.stop().await;
    for end in ["", "-wal", "-shm"] {
        let name = format!("pimesh.db{end}");
        let _ = fs::remove_file(couple.laptop.home.folder().join(name));
    }
    let address = couple.laptop.start_elsewhere().await;
    let told = status(&couple.laptop, Request::Status).await;
    assert_eq!(told.notices[0].kind, "gone");
    assert!(!told.in_sync && told.devices.is_empty());
    import(&couple.laptop, "bob.vcf", &card("bob", "FN:Bob")).await;

    pair(&couple.laptop, &couple.phone, address).await;
    let (items, _) = agree(&couple.laptop, &couple.phone).await;
    assert_eq!(items.len(), 2);
    assert_eq!(items[&ann], before[&ann]);
    let told = status(&couple.laptop, Request::Status).await;
    let kinds: Vec<&str> = told.notices.iter().map(|n| n.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["gone"],
        "its old life was not taken for another device's"
    );
    assert!(status(&couple.laptop, Request::Acknowledge).await.in_sync);
    couple.stop().await;
}
