/** Who tells us what to do: validation of challenges and the notifications that are owed. Does not know SCEP messages or certificates. */
export type * from './ports.ts'
