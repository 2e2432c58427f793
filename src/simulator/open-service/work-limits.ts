/** Bounds that the discovery tells and the queues keep. */
export const workLimits = {
  maxRequests: 100,
  maxRevocationRequests: 500,
  maxBodyBytes: 8_388_608,
  maxWaitSeconds: 30,
  minLeaseSeconds: 1,
  maxLeaseSeconds: 3600,
} as const
