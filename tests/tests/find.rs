//! Finding items by what they say, and what lists say of them.

use pimesh::api::{Items, Reply, Request};
use pimesh_tests::data::{self, Heavy, Scale};
use pimesh_tests::device::Device;

use crate::couple::{card, import};

async fn found(device: &Device, text: &str) -> Vec<String> {
    let request = Request::Search {
        text: text.into(),
        limit: None,
    };
    let Reply::Items(Items { items, .. }) = device.ask(request).await else {
        panic!("not a list")
    };
    items.into_iter().map(|item| item.name).collect()
}

fn event(lines: &str) -> String {
    let lines = lines.replace('\n', "\r\n");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n"
    )
}

#[tokio::test]
async fn an_item_is_found_by_every_property_that_a_person_reads() {
    let device = Device::new("laptop");
    let note = "filler ".repeat(4000) + "walnuts";
    let emails: String = (1..=9)
        .map(|i| format!("EMAIL:zoe.address{i}@northern-harbour.example\n"))
        .collect();
    let lines = format!(
        "FN:Zoé Łasko\nNICKNAME:Zo\nORG:Chandlery of the Northern Harbour;Department of Ropes\n\
         TITLE:Sailmaker\nNOTE:{note}\nADR:;;Hafenstraße 5;Flensburg;;24937;DE\n{emails}\
         BDAY:1985-04-12\nTEL:+49 171 555-0199\nitem1.URL:https://zoe.example\n\
         item1.X-ABLabel:boatyard\nCATEGORIES:sailing"
    );
    import(&device, "zoe.vcf", &card("zoe", &lines)).await;
    import(
        &device,
        "other.vcf",
        &card("other", "FN:Other\nNOTE:nothing"),
    )
    .await;
    let lines = "UID:e\nDTSTART:20270101T100000Z\nSUMMARY:Meeting\nDESCRIPTION:bring the ropes\\, \
                 all of them\nATTENDEE;CN=Otto Ämter:mailto:otto@x.example\n\
                 ORGANIZER:mailto:olga@x.example\nCOMMENT:postponed\nBEGIN:VALARM\n\
                 ACTION:DISPLAY\nTRIGGER:-PT5M\nDESCRIPTION:keys\nEND:VALARM";
    import(&device, "e.ics", &event(lines)).await;
    for word in [
        "zoé",
        "ZOE",
        "lasko",
        "address9",
        "5550199",
        "555-0199",
        "+49171",
        "sailmaker",
        "walnuts",
        "hafenstrasse",
        "flensburg",
        "24937",
        "1985-04-12",
        "19850412",
        "boatyard",
        "sailing",
        "zoe flensburg WALNUTS",
    ] {
        assert_eq!(found(&device, word).await, ["Zoé Łasko"], "{word}");
    }
    for word in [
        "otto",
        "amter",
        "olga",
        "them",
        "postponed",
        "keys",
        "meeting ropes",
    ] {
        assert_eq!(found(&device, word).await, ["Meeting"], "{word}");
    }
    assert_eq!(found(&device, "ropes").await, ["Meeting", "Zoé Łasko"]);
    for word in ["display", "zoe otto", "nowhere"] {
        assert_eq!(found(&device, word).await, [""; 0], "{word}");
    }
}

#[tokio::test]
async fn among_thousands_one_is_found_and_others_get_their_turn() {
    let device = Device::new("laptop");
    let scale = Scale {
        contacts: 1500,
        events: 1500,
    };
    let files = data::made(scale, Heavy::USUAL, device.folder());
    device.import(&files).await;
    import(&device, "ann.vcf", &card("ann", "FN:Ann\nNOTE:quagga")).await;
    assert_eq!(found(&device, "quagga").await, ["Ann"]);
}

#[tokio::test]
async fn what_was_called_off_says_so_in_lists() {
    let device = Device::new("laptop");
    let party = "UID:p\nDTSTART:20270101T100000Z\nSTATUS:CANCELLED\nSUMMARY:Party";
    import(&device, "p.ics", &event(party)).await;
    let walk = "UID:w\nDTSTART:20270101T100000Z\nRRULE:FREQ=DAILY\nSTATUS:CONFIRMED\nSUMMARY:Walk";
    import(&device, "w.ics", &event(walk)).await;
    let off = event("UID:t\nSTATUS:CANCELLED\nSUMMARY:Task").replace("VEVENT", "VTODO");
    import(&device, "t.ics", &off).await;
    let items = device.items().await;
    let told = |name: &str| {
        let item = items.values().find(|item| item.name == name).unwrap();
        (item.recurring, item.cancelled)
    };
    assert_eq!(told("Party"), (false, true));
    assert_eq!(told("Walk"), (true, false));
    assert_eq!(told("Task"), (false, true));
}
