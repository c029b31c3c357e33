/** The base fee that EIP-1559 gives the child of `parent`. */
export function nextBaseFee(parent) {
  const [fee, used, limit] = [parent.baseFeePerGas, parent.gasUsed, parent.gasLimit].map(BigInt);
  const target = limit / 2n;
  if (used === target) return fee;
  if (used < target) return fee - (fee * (target - used)) / target / 8n;
  const rise = (fee * (used - target)) / target / 8n;
  return fee + (rise > 0n ? rise : 1n);
}
