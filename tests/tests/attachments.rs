//! Photos that are not here yet: said so, and not lost by who cannot see them.

use pimesh::api::{Care, EditBy, Event, ExportTo, Repair, Reply, Request, Status};
use pimesh_tests::device::Device;
use pimesh_tests::wait::{eventually, in_time};
use rusqlite::Connection;

use crate::couple::{Couple, import};

/// A card with a photo that is kept outside of its document.
fn card() -> String {
    let photo = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo".repeat(60);
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:ann\r\nFN:Ann\r\n\
         PHOTO;ENCODING=b;TYPE=JPEG:{photo}\r\nEND:VCARD\r\n"
    )
}

async fn status(device: &Device) -> Status {
    match device.ask(Request::Status).await {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_without_a_photo_is_not_in_sync_and_an_edit_there_keeps_it() {
    let mut couple = Couple::with(&card()).await;
    let items = couple.phone.items().await;
    let (ann, _) = items.iter().next().unwrap();
    couple.phone.stop().await;
    let db = Connection::open(couple.phone.home.database()).unwrap();
    assert_eq!(db.execute("DELETE FROM blob", []).unwrap(), 1);
    drop(db);
    let status = status(&couple.phone).await;
    assert_eq!((status.in_sync, status.attachments_missing), (false, 1));

    let export = Request::Export {
        collection: "Contacts".into(),
        to: ExportTo::File(couple.phone.folder().join("out.vcf")),
    };
    let reply = couple.phone.ask(export).await;
    assert_eq!(reply.exit_code(), 3);
    let Reply::Exported(exported) = reply else {
        panic!("no export")
    };
    assert_eq!(exported.without_attachments, ["Ann"]);

    let shown = couple.phone.show(ann).await.text;
    assert!(!shown.contains("PHOTO"), "{shown}");
    let noted = shown.replace("FN:Ann\r\n", "FN:Ann\r\nNOTE:sails\r\n");
    let edit = Request::Edit {
        item: ann.clone(),
        by: EditBy::Text(noted),
    };
    let Reply::Edited(edited) = couple.phone.ask(edit).await else {
        panic!("no edit")
    };
    assert_eq!(edited.properties, ["NOTE"]);
    couple.phone.start_elsewhere().await;
    couple.agree().await;
    for device in [&couple.laptop, &couple.phone] {
        let text = device.show(ann).await.text;
        assert!(
            text.contains("PHOTO") && text.contains("NOTE:sails"),
            "{text}"
        );
    }
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_lacks_a_photo_is_not_said_to_hold_everything() {
    let mut couple = Couple::with(&card()).await;
    couple.phone.stop().await;
    couple.laptop.stop().await;
    for device in couple.both() {
        let db = Connection::open(device.home.database()).unwrap();
        assert_eq!(db.execute("DELETE FROM blob", []).unwrap(), 1);
    }
    couple.laptop.start().await;
    couple.phone.start_elsewhere().await;
    eventually("the phone says what it lacks", async || {
        let status = status(&couple.laptop).await;
        (status.devices[0].attachments_missing == 1).then_some(())
    })
    .await;
    let told = status(&couple.laptop).await;
    assert_eq!((told.in_sync, told.unconfirmed), (false, 0));
    let wait = Request::Wait {
        device: None,
        timeout_seconds: Some(0),
    };
    let Reply::Waited(waited) = couple.laptop.ask(wait.clone()).await else {
        panic!("no wait")
    };
    assert!(!waited.confirmed);

    // the same card again brings the photo, and from here it goes on to the phone
    import(&couple.laptop, "again.vcf", &card()).await;
    couple.agree().await;
    for device in couple.both() {
        let status = status(device).await;
        assert!(
            status.in_sync && status.attachments_missing == 0,
            "{status:?}"
        );
    }
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_photo_is_told_and_comes_again_while_the_devices_are_connected() {
    let couple = Couple::with(&card()).await;
    let good = couple.phone.texts().await;
    let db = Connection::open(couple.phone.home.database()).unwrap();
    let spoilt = db.execute("UPDATE blob SET body = x'00'", []).unwrap();
    drop(db);
    assert_eq!(spoilt, 1);
    let mut told = couple.laptop.events();
    let repair = Repair::Yes;
    let care = Request::Care(Care::Doctor { repair });
    couple.phone.ask(care).await;
    for lacking in [1, 0] {
        let said = async {
            loop {
                if let Event::Lacks { attachments, .. } = told.recv().await.unwrap() {
                    break attachments;
                }
            }
        };
        assert_eq!(in_time("the phone says what it lacks", said).await, lacking);
    }
    assert_eq!(couple.phone.texts().await, good);
    couple.stop().await;
}
