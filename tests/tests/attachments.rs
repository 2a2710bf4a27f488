//! Photos that are not here yet: said so, and not lost by who cannot see them.

use pimesh::api::{EditBy, Reply, Request};
use rusqlite::Connection;

use crate::couple::Couple;

/// A card with a photo that is kept outside of its document.
fn card() -> String {
    let photo = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo".repeat(60);
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:ann\r\nFN:Ann\r\n\
         PHOTO;ENCODING=b;TYPE=JPEG:{photo}\r\nEND:VCARD\r\n"
    )
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
    let Reply::Status(status) = couple.phone.ask(Request::Status).await else {
        panic!("no status")
    };
    assert_eq!((status.in_sync, status.attachments_missing), (false, 1));

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
