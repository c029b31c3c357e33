//! Settings as people write them in a file.

/// A price as people write it.
pub(super) mod price {
    use canut_protocol::Nrlc;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::client::price;

    #[expect(clippy::ref_option, reason = "serde asks for it")]
    pub(crate) fn serialize<S: Serializer>(
        amount: &Option<Nrlc>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        amount.map(|amount| amount.to_string()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Nrlc>, D::Error> {
        let text = String::deserialize(from)?;
        price(&text).map(Some).map_err(D::Error::custom)
    }
}

/// Hours as people write them.
pub(super) mod hours {
    use canut_worker::Hours;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde asks for it")]
    pub(crate) fn serialize<S: Serializer>(
        hours: &Option<Vec<Hours>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = hours
            .as_ref()
            .map(|hours| hours.iter().map(ToString::to_string).collect::<Vec<_>>());
        texts.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<Hours>>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let hours = texts.iter().map(|text| text.parse());
        hours
            .collect::<Result<_, _>>()
            .map(Some)
            .map_err(D::Error::custom)
    }
}
