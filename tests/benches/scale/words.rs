//! The words that people's data is made of.

/// How people of one language are called.
#[derive(Debug)]
pub(crate) struct Language {
    pub(crate) weight: u64,
    pub(crate) family_first: bool,
    pub(crate) given: &'static [&'static str],
    pub(crate) family: &'static [&'static str],
}

const fn language(
    weight: u64,
    family_first: bool,
    given: &'static [&'static str],
    family: &'static [&'static str],
) -> Language {
    Language {
        weight,
        family_first,
        given,
        family,
    }
}

pub(crate) const NAMES: &[Language] = &[
    language(
        30,
        false,
        &[
            "James", "Mary", "Oliver", "Amelia", "George", "Isla", "Noah", "Seán", "Siobhán",
        ],
        &[
            "Smith",
            "Jones",
            "O'Neill",
            "MacDonald",
            "Taylor-Brown",
            "Wright",
            "Fitzgerald",
        ],
    ),
    language(
        14,
        false,
        &[
            "Jörg",
            "Käthe",
            "Günther",
            "Bärbel",
            "Lukas",
            "Anna-Lena",
            "Sören",
            "Ulrike",
        ],
        &[
            "Müller",
            "Groß",
            "Weiß",
            "Schröder",
            "Vogel",
            "Hübner",
            "Jäger",
            "Löwenstein",
        ],
    ),
    language(
        7,
        false,
        &[
            "Léa",
            "François",
            "Zoé",
            "Éléonore",
            "Jean-Luc",
            "Chloé",
            "Gaël",
        ],
        &[
            "Lefèvre",
            "Dupont",
            "Garçon",
            "Béranger",
            "D'Aubigné",
            "Noël",
        ],
    ),
    language(
        7,
        false,
        &["José", "María", "Iñigo", "Lucía", "Ángel", "Begoña"],
        &[
            "García Márquez",
            "Núñez",
            "Peña Ibáñez",
            "Muñoz",
            "de la Cruz",
        ],
    ),
    language(
        5,
        false,
        &["Łukasz", "Małgorzata", "Paweł", "Agnieszka", "Żaneta"],
        &["Wójcik", "Kowalski", "Dąbrowska", "Zieliński", "Śliwa"],
    ),
    language(
        3,
        false,
        &["Thị Hương", "Văn Đức", "Minh Ngọc", "Quốc Bảo"],
        &["Nguyễn", "Trần", "Phạm", "Đặng"],
    ),
    language(
        7,
        false,
        &["Анна", "Дмитрий", "Ольга", "Сергей", "Ксения"],
        &["Иванов", "Смирнова", "Кузнецов", "Щербаков", "Ёлкина"],
    ),
    language(
        3,
        false,
        &["Γιώργος", "Ελένη", "Νίκος", "Δέσποινα"],
        &["Παπαδόπουλος", "Γεωργίου", "Οικονόμου"],
    ),
    language(
        4,
        false,
        &["محمد", "فاطمة", "أحمد", "ليلى"],
        &["الحسن", "بن علي", "الخطيب"],
    ),
    language(
        3,
        false,
        &["דוד", "שרה", "יוסף", "רחל"],
        &["כהן", "לוי", "פרידמן"],
    ),
    language(
        4,
        false,
        &["आरव", "प्रिया", "रोहन", "कविता"],
        &["शर्मा", "पटेल", "गुप्ता"],
    ),
    language(
        7,
        true,
        &["伟", "秀英", "娜", "建国", "小明"],
        &["王", "李", "欧阳", "陈", "刘"],
    ),
    language(
        6,
        true,
        &["太郎", "花子", "さくら", "健一"],
        &["佐藤", "鈴木", "髙橋", "渡邉"],
    ),
    language(
        4,
        true,
        &["민준", "서연", "지우", "하은"],
        &["김", "이", "박", "최"],
    ),
    language(2, false, &["สมชาย", "มาลี", "กิตติ"], &["ใจดี", "ศรีสุข"]),
];

pub(crate) const STREETS: &[&str] = &[
    "Hauptstraße {}",
    "{} High Street",
    "{}\\, rue de la Paix",
    "Calle Mayor {}",
    "ул. Ленина\\, д. {}",
    "新宿区西新宿{}丁目",
    "{} Nguyễn Huệ",
    "{} MG Road\\, 2nd Floor",
];

/// Town, region, postcode, country.
pub(crate) const CITIES: &[&str] = &[
    "Wien;;1010;Österreich",
    "Berlin;;10115;Deutschland",
    "London;;SW1A 1AA;United Kingdom",
    "Paris;Île-de-France;75002;France",
    "New York;NY;10001;USA",
    "東京;東京都;160-0023;日本",
    "Москва;;101000;Россия",
    "Kraków;małopolskie;30-001;Polska",
    "Bengaluru;KA;560001;India",
];

pub(crate) const ORGANISATIONS: &[&str] = &[
    "Acme GmbH",
    "Globex Corporation",
    "Müller & Söhne OHG",
    "Initech\\; Ltd.",
    "株式会社さくら",
    "ООО Ромашка",
    "Université de Lyon",
    "Café Zürich AG",
];

pub(crate) const TITLES: &[&str] = &[
    "Engineer",
    "Geschäftsführer",
    "Directrice",
    "Sales Manager",
    "部長",
    "Профессор",
    "Nurse",
    "Teacher",
];

pub(crate) const CATEGORIES: &[&str] = &[
    "Friends", "Work", "Family", "Kunden", "VIP", "Sport", "Uni", "家族", "Vendors",
];

pub(crate) const NOTES: &[&str] = &[
    "Met at the conference in 2019.",
    "Zeile eins\\nZeile zwei\\nZeile drei",
    "Allergic to peanuts\\, loves 🥨 and ☕",
    "Prefers calls after 18:00\\; not on Fridays",
    "नमस्ते — ملاحظة — הערה",
    "Key: C:\\\\temp\\\\x",
];

pub(crate) const SUBJECTS: &[&str] = &[
    "Team meeting",
    "Zahnarzt",
    "Déjeuner avec {}",
    "1:1 with {}",
    "Yoga 🧘",
    "Geburtstag {}",
    "Projekt-Review",
    "Call: {}",
    "会議",
    "Встреча с {}",
    "Pick up kids",
    "Sprint planning\\, room 3",
    "Flight OS{} to VIE",
    "اجتماع",
    "Board meeting",
];

pub(crate) const PLACES: &[&str] = &[
    "Room 3.14",
    "Café Central\\, Herrengasse 14\\, 1010 Wien",
    "https://meet.example.com/abc-defg-hij",
    "Büro 2. OG",
    "渋谷",
    "Zoom",
    "",
    "",
    "Gate B12",
];

pub(crate) const DESCRIPTIONS: &[&str] = &[
    "",
    "",
    "Agenda:\\n1. Status\\n2. Ausblick\\, Fragen\\n3. 終わり",
    "Bitte Unterlagen mitbringen.",
    "Dial-in: +43 1 234 567\\nPIN: 1234#",
    "Ünïcödé 🎉 Ünïcödé 🎉 Ünïcödé 🎉 Ünïcödé 🎉 Ünïcödé 🎉 Ünïcödé 🎉 Ünïcödé 🎉 Ünïcödé 🎉",
];

pub(crate) const DOMAINS: &[&str] = &[
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "firma.example",
    "uni.example",
];
