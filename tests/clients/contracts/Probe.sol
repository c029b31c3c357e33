// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// One contract with every behaviour that a client library distinguishes.
contract Probe {
    event Stored(address indexed who, uint256 indexed key, uint256 value, string note);
    event Note(string text) anonymous;
    event Tick(uint256 indexed round);

    error Denied(address who, uint256 code);

    mapping(uint256 => uint256) public values;
    uint256 public count;
    Child public child;

    constructor(uint256 seed) payable {
        values[0] = seed;
    }

    receive() external payable {}

    function store(uint256 key, uint256 value, string calldata note) external returns (uint256) {
        values[key] = value;
        count++;
        emit Stored(msg.sender, key, value, note);
        return count;
    }

    function ticks(uint256 rounds) external {
        for (uint256 i = 0; i < rounds; i++) emit Tick(i);
        emit Note("ticked");
    }

    function failWithReason() external pure {
        revert("probe says no");
    }

    function failWithError(uint256 code) external view {
        revert Denied(msg.sender, code);
    }

    function failSilently() external pure {
        revert();
    }

    function failAssertion(bool ok) external pure {
        assert(ok);
    }

    function divide(uint256 a, uint256 b) external pure returns (uint256) {
        return a / b;
    }

    function subtract(uint256 a, uint256 b) external pure returns (uint256) {
        return a - b;
    }

    function burn() external pure {
        assembly { invalid() }
    }

    function spin() external view {
        while (gasleft() > 0) {}
    }

    function make(uint256 seed) external payable returns (Child) {
        child = new Child{value: msg.value}(seed);
        return child;
    }

    /// Calls that succeed, fail and are caught, one inside another.
    function nest(uint256 key) external returns (bool ok) {
        child.put(key);
        (ok,) = address(child).call(abi.encodeCall(Child.refuse, ()));
        (bool done,) = address(child).delegatecall(abi.encodeCall(Child.put, (key)));
        require(done && child.seen(key));
        emit Tick(key);
    }

    function environment()
        external
        view
        returns (uint256 number, uint256 gasLimit, uint256 chain, uint256 fee, uint256 blobFee, address origin)
    {
        return (block.number, block.gaslimit, block.chainid, block.basefee, block.blobbasefee, tx.origin);
    }

    function time() external view returns (uint256) {
        return block.timestamp;
    }

    function past(uint256 number) external view returns (bytes32) {
        return blockhash(number);
    }

    /// Gives back gas: the refund must be seen by estimates.
    function clear(uint256 from, uint256 to) external {
        for (uint256 i = from; i < to; i++) delete values[i];
    }

    function fill(uint256 from, uint256 to) external {
        for (uint256 i = from; i < to; i++) values[i] = i + 1;
    }

    /// Succeeds only when handed much more gas than it uses (the 63/64 rule).
    function greedy() external {
        require(gasleft() > 300_000, "hungry");
        count++;
    }
}

contract Child {
    mapping(uint256 => bool) public seen;
    uint256 public seed;

    constructor(uint256 value) payable {
        seed = value;
    }

    function put(uint256 key) external {
        seen[key] = true;
    }

    function refuse() external pure {
        revert("child refuses");
    }
}
