/** What the management service is told of who signed, and names when it wants a certificate back (intune-api 6). */
export function caConfigurationOf(caId: string): string {
  return `connector-ca/${caId}`
}
