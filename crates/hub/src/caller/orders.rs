//! Matching, and managing orders.

use alloy::primitives::{Address, Bytes};
use canut_protocol::{
    AppOrder, DatasetOrder, DealId, RequestOrder, WorkerpoolOrder, matching::Orders,
    order::Operation,
};

use super::{Caller, Receipt};
use crate::{Event, Result, bindings::IHub, convert, hub::Attempt};

impl Caller {
    /// Matches four orders; the requester pays.
    pub async fn match_orders(&self, orders: &Orders) -> Result<Receipt<DealId>> {
        let (apporder, datasetorder, workerpoolorder, requestorder) = convert::orders(orders);
        let call = IHub::matchOrdersCall {
            apporder,
            datasetorder,
            workerpoolorder,
            requestorder,
        };
        let receipt = self
            .attempt(call, &[attempt(orders, orders.request.requester)])
            .await?;
        self.found(receipt, "OrdersMatched", matched)
    }

    /// Matches four orders; the caller pays.
    pub async fn sponsor_match_orders(&self, orders: &Orders) -> Result<Receipt<DealId>> {
        let (apporder, datasetorder, workerpoolorder, requestorder) = convert::orders(orders);
        let call = IHub::sponsorMatchOrdersCall {
            apporder,
            datasetorder,
            workerpoolorder,
            requestorder,
        };
        let receipt = self
            .attempt(call, &[attempt(orders, self.address())])
            .await?;
        self.found(receipt, "OrdersMatched", matched)
    }
}

fn attempt(orders: &Orders, payer: Address) -> Attempt {
    Attempt::Match {
        orders: Box::new(orders.clone()),
        payer,
    }
}

pub(super) const fn matched(event: &Event) -> Option<DealId> {
    match event {
        Event::Matched { deal, .. } => Some(*deal),
        _ => None,
    }
}

/// Defines what can be done with one kind of order.
macro_rules! manage {
    ($($order:ident, $operation:ident, $manage:ident, $manage_call:ident, $broadcast:ident, $broadcast_call:ident;)*) => {
        impl Caller {
            $(
                /// Presigns or closes an order. The caller is its owner, or `sign` is the owner's signature over the
                /// operation (see [`Order::operation_hash`](canut_protocol::Order::operation_hash)); else leave it empty.
                pub async fn $manage(&self, order: &$order, operation: Operation, sign: Bytes) -> Result<Receipt> {
                    let operation = IHub::$operation { order: order.into(), operation: operation as u8, sign };
                    self.call(IHub::$manage_call { operation }).await
                }

                /// Publishes an order as an event. Nothing of it is verified.
                pub async fn $broadcast(&self, order: &$order) -> Result<Receipt> {
                    self.call(IHub::$broadcast_call { order: order.into() }).await
                }
            )*
        }
    };
}

manage! {
    AppOrder, AppOrderOperation, manage_app_order, manageAppOrderCall,
        broadcast_app_order, broadcastAppOrderCall;
    DatasetOrder, DatasetOrderOperation, manage_dataset_order, manageDatasetOrderCall,
        broadcast_dataset_order, broadcastDatasetOrderCall;
    WorkerpoolOrder, WorkerpoolOrderOperation, manage_workerpool_order, manageWorkerpoolOrderCall,
        broadcast_workerpool_order, broadcastWorkerpoolOrderCall;
    RequestOrder, RequestOrderOperation, manage_request_order, manageRequestOrderCall,
        broadcast_request_order, broadcastRequestOrderCall;
}
