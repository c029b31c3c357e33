//! The RLC token, and the small contracts that tests set against the hub.

use alloy::sol;

sol! {
    #[derive(Debug, PartialEq, Eq)]
    interface Token {
        function approve(address spender, uint256 amount) external returns (bool);
        function approveAndCall(address spender, uint256 amount, bytes calldata data) external;
        function transfer(address to, uint256 amount) external returns (bool);
        function transferFrom(address from, address to, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function totalSupply() external view returns (uint256);
        function decimals() external view returns (uint8);
        function name() external view returns (string memory);
        function symbol() external view returns (string memory);
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Approval(address indexed owner, address indexed spender, uint256 value);
    }

    #[derive(Debug, PartialEq, Eq)]
    interface Mocks {
        function execute(address target, bytes calldata data) external returns (bytes memory);
        function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4);
        function keyHasPurpose(bytes32 key, uint256 purpose) external view returns (bool);
        function setKeyHasPurpose(bytes32 key, uint256 purpose) external;
        function receiveResult(bytes32 id, bytes calldata result) external;
        function store(bytes32 id) external view returns (bytes memory);
        function counter() external view returns (uint256);
        function prepare(address target, bytes calldata data) external;
        function calls() external view returns (uint256);
        function successes() external view returns (uint256);
        function answerWith(bytes calldata answer) external;
        function answerWith(bool answer) external;
        function mint(address account, uint256 amount) external;
        function set(address worker, uint256 score) external;
        event GotResult(bytes32 indexed id, bytes result);
        event GotApproval(address indexed sender, uint256 value, address indexed token, bytes extraData);
    }
}
