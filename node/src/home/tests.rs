//! What a home promises.

use super::*;

fn new_home() -> (tempfile::TempDir, Home) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path().join("device")).unwrap();
    (dir, home)
}

#[test]
fn a_new_home_is_private_and_its_key_is_the_device() {
    let (_dir, home) = new_home();
    let id = home.init("laptop").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(home.folder()), 0o700);
    assert_eq!(mode(&home.key_path()), 0o600);
    assert_eq!(home.device_key().unwrap().verifying_key().to_bytes(), id.0);
    assert_eq!(home.config().unwrap().name, "laptop");
}

#[test]
fn a_second_init_changes_nothing() {
    let (_dir, home) = new_home();
    home.init("laptop").unwrap();
    let key = fs::read(home.key_path()).unwrap();
    let error = home.init("other").unwrap_err();
    assert!(error.to_string().contains("laptop"), "{error}");
    assert_eq!(fs::read(home.key_path()).unwrap(), key);
    assert_eq!(home.config().unwrap().name, "laptop");
}

#[test]
fn a_folder_with_other_things_is_refused_and_left_alone() {
    let (_dir, home) = new_home();
    fs::create_dir_all(home.folder()).unwrap();
    fs::write(home.folder().join("letter.txt"), "dear").unwrap();
    assert!(matches!(home.init("x"), Err(HomeError::NotEmpty(_))));
    assert_eq!(fs::read_dir(home.folder()).unwrap().count(), 1);
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_command_that_helps() {
    let (_dir, home) = new_home();
    home.init("laptop").unwrap();
    fs::set_permissions(home.key_path(), fs::Permissions::from_mode(0o640)).unwrap();
    let failure = Failure::from(home.device_key().unwrap_err());
    assert!(failure.hint.unwrap().starts_with("run: chmod go-rwx "));
}

#[test]
fn a_home_that_was_never_made_says_which_command_makes_it() {
    let (_dir, home) = new_home();
    let failure = Failure::from(home.lock().unwrap_err());
    assert!(failure.hint.unwrap().ends_with("/device' init"));
    assert!(!home.folder().exists());
}

#[test]
fn only_one_process_has_a_home_and_the_other_is_told_which() {
    let (_dir, home) = new_home();
    home.init("laptop").unwrap();
    let held = home.lock().unwrap();
    let failure = Failure::from(home.lock().unwrap_err());
    assert_eq!(failure.kind, FailureKind::Locked);
    let pid = std::process::id();
    assert_eq!(
        failure.message,
        format!("another pimesh process (pid {pid}) uses this home")
    );
    drop(held);
    home.lock().unwrap();
}
