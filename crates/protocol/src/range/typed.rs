//! The signed types: field order and types are binding (EIP-712).

alloy_sol_types::sol! {
    struct Commitment { bytes32 dealid; uint256 first; uint256 count; address enclave; bytes32 seal; }
    struct Assignment { bytes32 dealid; uint256 first; uint256 count; address worker; bytes32 sealed; }
    struct Unbond { address workerpool; uint256 amount; uint256 nonce; uint256 deadline; }
}
