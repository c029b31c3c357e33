// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// A token that gives everybody everything, answers as it is told to, and calls somebody back while it moves.
contract WeirdToken {
    bytes private answer = abi.encode(true);
    address private target;
    bytes private data;
    uint256 public calls;
    uint256 public successes;
    mapping(address account => uint256) public balanceOf;

    /// What `transfer` and `transferFrom` return from now on.
    function answerWith(bytes calldata answer_) external {
        answer = answer_;
    }

    /// What to call during the next moves.
    function prepare(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    /// Anybody may have any amount.
    function mint(address account, uint256 amount) external {
        balanceOf[account] += amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        if (target != address(0)) {
            address once = target;
            target = address(0);
            ++calls;
            (bool done,) = once.call(data);
            if (done) ++successes;
        }
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        bytes memory words = answer;
        assembly ("memory-safe") {
            return(add(words, 32), mload(words))
        }
    }
}

/// Is told of an allowance, and answers as it is told to.
contract Receiver {
    event GotApproval(address indexed sender, uint256 value, address indexed token, bytes extraData);

    bool private answer = true;

    function answerWith(bool answer_) external {
        answer = answer_;
    }

    function receiveApproval(address sender, uint256 value, address token, bytes calldata extraData)
        external
        returns (bool)
    {
        emit GotApproval(sender, value, token, extraData);
        return answer;
    }
}

/// Remembers scores, as the hub before this one did.
contract OldScores {
    mapping(address worker => uint256) public viewScore;

    function set(address worker, uint256 score) external {
        viewScore[worker] = score;
    }
}
