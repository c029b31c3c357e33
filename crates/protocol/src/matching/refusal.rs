//! Why the hub refuses to match, in its codes and in words.

/// Prefix of the hub's revert reasons.
const PREFIX: &str = "iExecV5-matchOrders-0x";

/// Defines the refusals as one table: name, code, sentence, remedy.
macro_rules! refusals {
    ($($name:ident = $code:literal, $sentence:literal, $remedy:literal;)*) => {
        /// A reason of the hub not to match four orders (PoCo 6.2.0, `matchOrders`). Displays as a sentence.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
        #[repr(u8)]
        pub enum MatchRefusal {
            $(
                #[doc = concat!("Code ", stringify!($code), ": ", $sentence, ".")]
                #[error($sentence)]
                $name = $code,
            )*
        }

        impl MatchRefusal {
            /// Every refusal, in the order in which the hub checks.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Self::$name => $remedy,)*
                }
            }
        }
    };
}

refusals! {
    OtherCategory = 0x00, "the request and the workerpool order are of different categories",
        "ask for the category of the workerpool order, or take another workerpool order";
    UnknownCategory = 0x01, "the hub has no such category",
        "list the categories of the hub and ask for one of them";
    TrustTooHigh = 0x02, "the request asks for more trust than the workerpool order sells",
        "lower the trust, or take a workerpool order of higher trust";
    AppTooExpensive = 0x03, "the app order costs more than the request pays for the app",
        "raise the maximum app price, or take a cheaper app order";
    DatasetTooExpensive = 0x04, "the dataset order costs more than the request pays for the dataset",
        "raise the maximum dataset price, or take a cheaper dataset order";
    WorkerpoolTooExpensive = 0x05, "the workerpool order costs more than the request pays for the workerpool",
        "raise the maximum workerpool price, or take a cheaper workerpool order";
    WorkerpoolLacksTag = 0x06, "the workerpool does not offer everything that app, dataset and request require",
        "take a workerpool order whose tag covers theirs, or require less";
    AppIsNotTee = 0x07, "the deal would run in an enclave, but the app order is not for enclaves",
        "take an app order with the tag tee, or drop tee from the request";
    OtherApp = 0x10, "the request is for another app than the app order sells",
        "take an order of the app that the request names";
    OtherDataset = 0x11, "the request is for another dataset than the dataset order sells",
        "take an order of the dataset that the request names, or none if it names none";
    OtherWorkerpool = 0x12, "the request does not allow this workerpool",
        "take an order of the workerpool that the request names";
    AppRefusesDataset = 0x13, "the app order does not allow this dataset",
        "take an app order without that restriction, or the dataset it names";
    AppRefusesWorkerpool = 0x14, "the app order does not allow this workerpool",
        "take an app order without that restriction, or the workerpool it names";
    AppRefusesRequester = 0x15, "the app order does not allow this requester",
        "take an app order without that restriction, or ask the app's owner for one";
    DatasetRefusesApp = 0x16, "the dataset order does not allow this app",
        "take a dataset order without that restriction, or the app it names";
    DatasetRefusesWorkerpool = 0x17, "the dataset order does not allow this workerpool",
        "take a dataset order without that restriction, or the workerpool it names";
    DatasetRefusesRequester = 0x18, "the dataset order does not allow this requester",
        "ask the dataset's owner for an order that does";
    WorkerpoolRefusesApp = 0x19, "the workerpool order does not allow this app",
        "take a workerpool order without that restriction, or the app it names";
    WorkerpoolRefusesDataset = 0x1a, "the workerpool order does not allow this dataset",
        "take a workerpool order without that restriction, or the dataset it names";
    WorkerpoolRefusesRequester = 0x1b, "the workerpool order does not allow this requester",
        "take a workerpool order without that restriction, or ask the pool's operator for one";
    AppUnknown = 0x20, "the app is not registered",
        "check the address of the app, and that it belongs to this hub";
    AppUnsigned = 0x21, "the app order is not signed by the owner of the app",
        "have the present owner sign it, for this hub and this chain";
    DatasetUnknown = 0x30, "the dataset is not registered",
        "check the address of the dataset, and that it belongs to this hub";
    DatasetUnsigned = 0x31, "the dataset order is not signed by the owner of the dataset",
        "have the present owner sign it, for this hub and this chain";
    WorkerpoolUnknown = 0x40, "the workerpool is not registered",
        "check the address of the workerpool, and that it belongs to this hub";
    WorkerpoolUnsigned = 0x41, "the workerpool order is not signed by the owner of the workerpool",
        "have the present owner sign it, for this hub and this chain";
    RequestUnsigned = 0x50, "the request order is not signed by the requester",
        "have the requester sign it, for this hub and this chain";
    NothingLeft = 0x60, "one of the orders is used up or closed",
        "take fresh orders: ask the market for those with something left";
}

impl MatchRefusal {
    /// The hub's code.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The refusal of that code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|refusal| refusal.code() == code)
    }

    /// The hub's revert reason, `iExecV5-matchOrders-0x..`.
    pub fn reason(self) -> String {
        format!("{PREFIX}{:02x}", self.code())
    }

    /// Reads a revert reason of the hub.
    pub fn from_reason(reason: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|refusal| refusal.reason() == reason)
    }
}
