import { CertificateRevocationList } from 'pkijs'

/** Whether the CRL that a connector serves now lists this certificate. Read by another library than ours. */
export async function isOnCrl(deviceUrl: string, serialHex: string): Promise<boolean> {
  const answer = await fetch(`${deviceUrl}/crl/default.crl`)
  if (!answer.ok) return false
  const crl = CertificateRevocationList.fromBER(await answer.arrayBuffer())
  return (crl.revokedCertificates ?? []).some(
    ({ userCertificate }) =>
      BigInt(`0x${Buffer.from(userCertificate.valueBlock.valueHexView).toString('hex')}`) ===
      BigInt(`0x${serialHex}`),
  )
}
