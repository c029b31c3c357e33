use std::path::PathBuf;

use alloy_primitives::{Address, B256};
use canut_protocol::{DealId, TaskId};

/// Where an app finds its inputs.
pub const IEXEC_IN: &str = "/iexec_in";
/// Where an app leaves its result.
pub const IEXEC_OUT: &str = "/iexec_out";

/// One run of an app, in folders that the caller prepared.
#[derive(Debug, Clone)]
pub struct Job {
    /// The task. It seeds the random numbers that the app sees.
    pub task: TaskId,
    /// The deal of the task.
    pub deal: DealId,
    /// The place of the task in its bag.
    pub bag: Bag,
    /// The fetched app: a `.wasm` file for [`Kind::Wasm`](crate::Kind::Wasm), an image archive,
    /// or the folder of an image layout, for a container.
    pub app: PathBuf,
    /// The arguments, already split ([`split_arguments`]).
    pub arguments: Vec<String>,
    /// The folder shown as [`IEXEC_IN`], read-only: plain files named as in [`inputs`](Self::inputs) and
    /// [`dataset`](Self::dataset).
    pub input: PathBuf,
    /// An empty folder that receives the result.
    pub output: PathBuf,
    /// The dataset of the deal, if any.
    pub dataset: Option<Dataset>,
    /// Names of the input files in [`input`](Self::input), in the order of the request.
    pub inputs: Vec<String>,
    /// What the deal wants of the app.
    pub delivery: Delivery,
}

/// A bag of tasks, and one task in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bag {
    /// Tasks in the deal.
    pub size: u64,
    /// Index of the first task of the deal.
    pub first: u64,
    /// Index of this task, from `first` on.
    pub index: u64,
}

/// A dataset as the app sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its address on the chain.
    pub address: Address,
    /// Its name in the input folder.
    pub file: String,
}

/// What makes the result digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The file or folder that `computed.json` names in `deterministic-output-path`.
    Files,
    /// The bytes of `callback-data`, for a deal with a callback contract.
    Callback,
}

impl Job {
    /// A run that nobody ordered: the only task of no deal, without arguments, inputs or dataset.
    pub fn plain(app: PathBuf, input: PathBuf, output: PathBuf) -> Self {
        Self {
            task: TaskId(B256::ZERO),
            deal: DealId(B256::ZERO),
            bag: Bag {
                size: 1,
                first: 0,
                index: 0,
            },
            app,
            arguments: Vec::new(),
            input,
            output,
            dataset: None,
            inputs: Vec::new(),
            delivery: Delivery::Files,
        }
    }

    /// The environment of the app, sorted by name (offchain.md 6.6).
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut variables = vec![
            (
                "IEXEC_BOT_FIRST_INDEX".to_owned(),
                self.bag.first.to_string(),
            ),
            ("IEXEC_BOT_SIZE".to_owned(), self.bag.size.to_string()),
            (
                "IEXEC_BOT_TASK_INDEX".to_owned(),
                self.bag.index.to_string(),
            ),
            ("IEXEC_DEAL_ID".to_owned(), self.deal.to_string()),
            ("IEXEC_IN".to_owned(), IEXEC_IN.to_owned()),
            (
                "IEXEC_INPUT_FILES_NUMBER".to_owned(),
                self.inputs.len().to_string(),
            ),
            ("IEXEC_OUT".to_owned(), IEXEC_OUT.to_owned()),
            ("IEXEC_TASK_ID".to_owned(), self.task.to_string()),
            ("IEXEC_TASK_INDEX".to_owned(), self.bag.index.to_string()),
        ];
        if let Some(dataset) = &self.dataset {
            variables.push((
                "IEXEC_DATASET_ADDRESS".to_owned(),
                dataset.address.to_string(),
            ));
            variables.push(("IEXEC_DATASET_FILENAME".to_owned(), dataset.file.clone()));
        }
        if !self.inputs.is_empty() {
            variables.push(("IEXEC_INPUT_FILES_FOLDER".to_owned(), IEXEC_IN.to_owned()));
        }
        for (number, name) in (1..).zip(&self.inputs) {
            variables.push((format!("IEXEC_INPUT_FILE_NAME_{number}"), name.clone()));
        }
        variables.sort_unstable();
        variables
    }
}

/// Splits `iexec_args` as a POSIX shell splits words, without expansion. `None` when a quote or an escape is left open.
pub fn split_arguments(line: &str) -> Option<Vec<String>> {
    shlex::split(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job {
            task: TaskId(B256::repeat_byte(1)),
            deal: DealId(B256::repeat_byte(2)),
            bag: Bag {
                size: 20,
                first: 5,
                index: 7,
            },
            app: "app.wasm".into(),
            arguments: Vec::new(),
            input: "in".into(),
            output: "out".into(),
            dataset: None,
            inputs: Vec::new(),
            delivery: Delivery::Files,
        }
    }

    #[test]
    fn an_app_finds_its_place_in_the_bag_and_its_files() {
        let plain = job().environment();
        assert!(plain.contains(&("IEXEC_BOT_TASK_INDEX".into(), "7".into())));
        assert!(plain.contains(&("IEXEC_INPUT_FILES_NUMBER".into(), "0".into())));
        assert!(
            !plain
                .iter()
                .any(|(name, _)| name.starts_with("IEXEC_DATASET") || name.ends_with("FOLDER"))
        );

        let dataset = Dataset {
            address: Address::repeat_byte(3),
            file: "0x03".into(),
        };
        let full = Job {
            dataset: Some(dataset),
            inputs: vec!["a".into(), "b".into()],
            ..job()
        }
        .environment();
        for expected in [
            (
                "IEXEC_DATASET_ADDRESS",
                "0x0303030303030303030303030303030303030303",
            ),
            ("IEXEC_DATASET_FILENAME", "0x03"),
            ("IEXEC_INPUT_FILES_FOLDER", "/iexec_in"),
            ("IEXEC_INPUT_FILE_NAME_1", "a"),
            ("IEXEC_INPUT_FILE_NAME_2", "b"),
        ] {
            assert!(
                full.contains(&(expected.0.into(), expected.1.into())),
                "{expected:?}"
            );
        }
        assert!(full.is_sorted());
    }

    #[test]
    fn arguments_are_split_like_a_shell_does() {
        assert_eq!(
            split_arguments(r#"render --name "two words" 'a"b' c\ d"#).unwrap(),
            ["render", "--name", "two words", "a\"b", "c d"]
        );
        assert_eq!(split_arguments("$HOME *").unwrap(), ["$HOME", "*"]);
        assert_eq!(split_arguments("'open"), None);
    }
}
