//! The operations, and what the table calls them.

/// What a person, a program or a mail does to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Takes in an item from the same file as the other device, in the same collection.
    TakeIn,
    /// The same, in collections of one name that each has made by itself.
    Unite,
    /// Changes the title (of a contact: the job; of an event: what it is called).
    Title,
    /// Rewrites the note.
    Note,
    /// Changes the name.
    Name,
    /// Changes one of two telephone numbers.
    Number,
    /// Adds a telephone number.
    AddNumber,
    /// Removes the number that `Number` changes.
    RemoveNumber,
    /// Puts another photo.
    Photo,
    /// Removes the photo.
    RemovePhoto,
    /// Moves the series and changes its rule.
    When,
    /// Changes one occurrence.
    Occurrence,
    /// Leaves out the same occurrence.
    Exclude,
    /// Changes this occurrence and all that follow.
    Following,
    /// Changes the alarm.
    Alarm,
    /// Removes the alarm.
    RemoveAlarm,
    /// Confirms the alarm.
    Acknowledge,
    /// The person answers the invitation.
    Answer,
    /// A mail with another attendee's answer.
    Reply,
    /// A mail with the organizer's update.
    Update,
    /// A mail that calls the event off.
    Cancel,
    /// Deletes the item.
    Delete,
    /// Deletes it and brings it back from the trash.
    Revive,
    /// Imports the same text from another file.
    ImportSame,
    /// Imports a text of the item that says something else.
    ImportOther,
    /// A program writes that has not seen what came since it last read.
    Stale,
    /// A program writes that knows less than it was given.
    Lossy,
    /// Moves the item to another collection.
    Move,
    /// Decides a conflict about the title.
    Resolve,
    /// Restores the item to an earlier time.
    Restore,
    /// Takes back an earlier edit of the title.
    Undo,
    /// Makes it one person with another contact.
    Link,
    /// Takes apart what was one person.
    Unlink,
}

use Operation::{
    Acknowledge, AddNumber, Alarm, Answer, Cancel, Delete, Exclude, Following, ImportOther,
    ImportSame, Link, Lossy, Move, Name, Note, Number, Occurrence, Photo, RemoveAlarm,
    RemoveNumber, RemovePhoto, Reply, Resolve, Restore, Revive, Stale, TakeIn, Title, Undo, Unite,
    Unlink, Update, When,
};

impl Operation {
    /// What can happen to a contact.
    pub const OF_CONTACTS: [Self; 22] = [
        Title,
        Note,
        Name,
        Number,
        AddNumber,
        RemoveNumber,
        Photo,
        RemovePhoto,
        Delete,
        Revive,
        TakeIn,
        Unite,
        ImportSame,
        ImportOther,
        Stale,
        Lossy,
        Move,
        Resolve,
        Restore,
        Undo,
        Link,
        Unlink,
    ];

    /// What can happen to an event.
    pub const OF_EVENTS: [Self; 25] = [
        Title,
        Note,
        When,
        Occurrence,
        Exclude,
        Following,
        Alarm,
        RemoveAlarm,
        Acknowledge,
        Answer,
        Reply,
        Update,
        Cancel,
        Delete,
        Revive,
        TakeIn,
        Unite,
        ImportSame,
        ImportOther,
        Stale,
        Lossy,
        Move,
        Resolve,
        Restore,
        Undo,
    ];

    /// One word for it, as the table and the items' names have it.
    pub fn word(self) -> &'static str {
        match self {
            TakeIn => "first-import",
            Unite => "unite",
            Title => "title",
            Note => "note",
            Name => "name",
            Number => "number",
            AddNumber => "add-number",
            RemoveNumber => "drop-number",
            Photo => "photo",
            RemovePhoto => "drop-photo",
            When => "time",
            Occurrence => "one-day",
            Exclude => "skip-day",
            Following => "from-then",
            Alarm => "alarm",
            RemoveAlarm => "drop-alarm",
            Acknowledge => "confirm-alarm",
            Answer => "answer",
            Reply => "their-answer",
            Update => "update",
            Cancel => "call-off",
            Delete => "delete",
            Revive => "bring-back",
            ImportSame => "same-file",
            ImportOther => "other-file",
            Stale => "behind",
            Lossy => "knows-less",
            Move => "move",
            Resolve => "decide",
            Restore => "restore",
            Undo => "undo",
            Link => "link",
            Unlink => "unlink",
        }
    }

    /// The same in a sentence.
    pub fn told(self) -> &'static str {
        match self {
            TakeIn => "takes the item in from the file that the other device has taken it in from",
            Unite => "the same, into collections of one name that each device has made by itself",
            Title => "changes the title: of a contact the job, of an event what it is called",
            Note => "rewrites the note",
            Name => "changes the name",
            Number => "changes one of two telephone numbers",
            AddNumber => "adds a telephone number",
            RemoveNumber => "removes the number that `number` changes",
            Photo => "puts another photo",
            RemovePhoto => "removes the photo",
            When => "moves the series by an hour and changes how often it takes place",
            Occurrence => "changes the title of one day",
            Exclude => "leaves out that same day",
            Following => "moves that day and all that follow",
            Alarm => "changes the alarm",
            RemoveAlarm => "removes the alarm",
            Acknowledge => "says that the alarm was seen",
            Answer => "answers the invitation",
            Reply => "a mail brings the answer of somebody else",
            Update => "a mail brings another title and time from the organizer",
            Cancel => "a mail of the organizer calls it off",
            Delete => "deletes the item",
            Revive => "deletes the item and brings it back from the trash",
            ImportSame => "imports the same text from another file",
            ImportOther => {
                "imports a file that says something else: another title, one more category"
            }
            Stale => "a program writes that has not seen a later change of the note",
            Lossy => {
                "a program writes that knows only titles and names, not numbers, photos or alarms"
            }
            Move => "moves the item to another collection: imports it there and deletes it here",
            Resolve => "decides a conflict about the title that both have",
            Restore => "restores the item to the time before its title was last changed",
            Undo => "takes back an earlier change of the title",
            Link => "makes it one person with another contact, not the same one on both devices",
            Unlink => "takes apart what was one person",
        }
    }

    /// It is about a part of the item, not about the whole.
    pub fn is_edit(self) -> bool {
        matches!(
            self,
            Title
                | Note
                | Name
                | Number
                | AddNumber
                | RemoveNumber
                | Photo
                | RemovePhoto
                | When
                | Occurrence
                | Exclude
                | Following
                | Alarm
                | RemoveAlarm
                | Acknowledge
                | Answer
                | Reply
                | Update
                | Cancel
        )
    }

    /// The item begins with it, so it must not be there before.
    pub fn begins(self) -> bool {
        matches!(self, TakeIn | Unite)
    }

    /// Whoever does it has done something before, that both devices know.
    pub fn prepares(self) -> bool {
        matches!(self, Stale | Lossy | Undo | Unlink)
    }
}
