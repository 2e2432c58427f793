import { BoundedMap } from '../ring.ts'

const capacity = 10_000

/** What the directory knows of profiles, devices and users: who lost a profile, and which keys are registered. */
export class Targeting {
  readonly #profilesUnassigned = new BoundedMap<string, true>(capacity)
  readonly #devicesLeft = new BoundedMap<string, true>(capacity)
  readonly #registeredKeys = new BoundedMap<string, ReadonlySet<string>>(capacity)

  /** Whether the profile is assigned and the device still enrolled. Everything is until it is said otherwise. */
  isTargeted(profileId: string, deviceId: string): boolean {
    return (
      !this.#profilesUnassigned.has(profileId) && !this.#devicesLeft.has(deviceId.toLowerCase())
    )
  }

  /** Assigns a profile, or takes it from everybody. */
  recordProfile(profileId: string, isAssigned: boolean): void {
    if (isAssigned) this.#profilesUnassigned.delete(profileId)
    else this.#profilesUnassigned.set(profileId, true)
  }

  /** Enrols a device, or lets it leave. */
  recordDevice(deviceId: string, isEnrolled: boolean): void {
    if (isEnrolled) this.#devicesLeft.delete(deviceId.toLowerCase())
    else this.#devicesLeft.set(deviceId.toLowerCase(), true)
  }

  /** Replaces the list of a user. @param keyIds SHA-256 over SubjectPublicKeyInfo, hexadecimal */
  recordRegisteredKeys(userId: string, keyIds: readonly string[]): void {
    const lowered = keyIds.map((keyId) => keyId.toLowerCase())
    this.#registeredKeys.set(userId.toLowerCase(), new Set(lowered))
  }

  /** Absent for a user who never got a list. */
  findRegisteredKeys(userId: string): ReadonlySet<string> | undefined {
    return this.#registeredKeys.get(userId.toLowerCase())
  }
}
