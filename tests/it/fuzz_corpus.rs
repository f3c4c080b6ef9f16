//! Replays the fuzz corpus on stable: every kept input, every cut of it, and it with single bytes changed.

use std::fs;
use std::path::Path;

#[path = "../fuzz/parsers.rs"]
mod parsers;

/// Protects the parsers from what fuzzing once found, or might: none of it may panic or break an invariant.
#[test]
fn the_corpus_and_its_neighbours_pass() {
    for (name, parse) in parsers::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
        let mut inputs = 0;
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let input = fs::read(entry.unwrap().path()).unwrap();
            parse(&input);
            for end in 0..input.len().min(300) {
                parse(&input[..end]);
                for byte in [b'\0', b'%', b'&', b'"', b'{', b' ', 0x80, 0xff] {
                    let mut changed = input.clone();
                    changed[end] = byte;
                    parse(&changed);
                }
            }
            parse(&input.repeat(3));
            inputs += 1;
        }
        assert!(inputs >= 5, "{name}: {inputs} inputs in the corpus");
    }
}
