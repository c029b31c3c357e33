//! The three registries and their assets. One interface holds what any registry answers, and one what any asset answers.

use alloy::sol;

sol! {
    #[derive(Debug, PartialEq, Eq)]
    interface Registry {
        function approve(address to, uint256 tokenId) external;
        function balanceOf(address owner) external view returns (uint256);
        function baseURI() external view returns (string memory);
        function createApp(address appOwner, string calldata appName, string calldata appType, bytes calldata appMultiaddr, bytes32 appChecksum, bytes calldata appMREnclave) external returns (address);
        function getApproved(uint256 tokenId) external view returns (address);
        function initialize(address previous) external;
        function initialized() external view returns (bool);
        function isApprovedForAll(address owner, address operator) external view returns (bool);
        function isRegistered(address entry) external view returns (bool);
        function master() external view returns (address);
        function name() external view returns (string memory);
        function owner() external view returns (address);
        function ownerOf(uint256 tokenId) external view returns (address);
        function predictApp(address appOwner, string calldata appName, string calldata appType, bytes calldata appMultiaddr, bytes32 appChecksum, bytes calldata appMREnclave) external view returns (address);
        function previous() external view returns (address);
        function proxyCode() external view returns (bytes memory);
        function proxyCodeHash() external view returns (bytes32);
        function renounceOwnership() external;
        function safeTransferFrom(address from, address to, uint256 tokenId, bytes calldata data) external;
        function safeTransferFrom(address from, address to, uint256 tokenId) external;
        function setApprovalForAll(address operator, bool approved) external;
        function setBaseURI(string calldata baseUri) external;
        function setName(address entry, string calldata name) external;
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
        function symbol() external view returns (string memory);
        function tokenByIndex(uint256 index) external view returns (uint256);
        function tokenOfOwnerByIndex(address owner, uint256 index) external view returns (uint256);
        function tokenURI(uint256 tokenId) external view returns (string memory);
        function totalSupply() external view returns (uint256);
        function transferFrom(address from, address to, uint256 tokenId) external;
        function transferOwnership(address newOwner) external;
        function createDataset(address datasetOwner, string calldata datasetName, bytes calldata datasetMultiaddr, bytes32 datasetChecksum) external returns (address);
        function predictDataset(address datasetOwner, string calldata datasetName, bytes calldata datasetMultiaddr, bytes32 datasetChecksum) external view returns (address);
        function createWorkerpool(address workerpoolOwner, string calldata workerpoolDescription) external returns (address);
        function predictWorkerpool(address workerpoolOwner, string calldata workerpoolDescription) external view returns (address);
        event Approval(address indexed owner, address indexed approved, uint256 indexed tokenId);
        event ApprovalForAll(address indexed owner, address indexed operator, bool approved);
        event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
        event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
        error Create2FailedDeployment();
        error ERC721IncorrectOwner(address sender, uint256 tokenId, address owner);
        error ERC721InsufficientApproval(address operator, uint256 tokenId);
        error ERC721InvalidOwner(address owner);
        error ERC721InvalidReceiver(address receiver);
        error ERC721NonexistentToken(uint256 tokenId);
        error ERC721OutOfBoundsIndex(address owner, uint256 index);
    }

    #[derive(Debug, PartialEq, Eq)]
    interface Asset {
        function changePolicy(uint256 newWorkerStakeRatioPolicy, uint256 newSchedulerRewardRatioPolicy) external;
        function m_schedulerRewardRatioPolicy() external view returns (uint256);
        function m_workerpoolDescription() external view returns (string memory);
        function m_workerStakeRatioPolicy() external view returns (uint256);
        function owner() external view returns (address);
        function registry() external view returns (address);
        function setName(address entry, string calldata name) external;
        event PolicyUpdate(uint256 oldWorkerStakeRatioPolicy, uint256 newWorkerStakeRatioPolicy, uint256 oldSchedulerRewardRatioPolicy, uint256 newSchedulerRewardRatioPolicy);
        function m_appChecksum() external view returns (bytes32);
        function m_appMREnclave() external view returns (bytes memory);
        function m_appMultiaddr() external view returns (bytes memory);
        function m_appName() external view returns (string memory);
        function m_appType() external view returns (string memory);
        function m_datasetChecksum() external view returns (bytes32);
        function m_datasetMultiaddr() external view returns (bytes memory);
        function m_datasetName() external view returns (string memory);
        function initialize(string calldata appName, string calldata appType, bytes calldata appMultiaddr, bytes32 appChecksum, bytes calldata appMREnclave) external;
        function initialize(string calldata datasetName, bytes calldata datasetMultiaddr, bytes32 datasetChecksum) external;
        function initialize(string calldata workerpoolDescription) external;
    }
}
