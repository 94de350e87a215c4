use events_runtime::{EventData, PublicSignal};

type Trees = Vec<Tree>;

#[derive(EventData)]
struct Tree {
    children: Trees,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.files.tree.grown.v1")]
struct TreeGrown {
    tree: Tree,
}

fn main() {}
