import { BoundedMap } from '../ring.ts'

/** A user as the directory has it. */
export interface DirectoryUser {
  readonly userPrincipalName: string
  /** Null: in the cloud only. */
  readonly onPremisesSecurityIdentifier: string | null
}

/** A device as Entra ID has it, with its id in Intune where it is managed. */
export interface DirectoryDevice {
  readonly deviceId: string
  readonly managedDeviceId?: string | undefined
  readonly onPremisesSecurityIdentifier: string | null
}

/** Users and devices of the tenant. Recording again replaces; names and ids are compared in lower case. */
export class People {
  readonly #users = new BoundedMap<string, DirectoryUser>(100_000)
  readonly #devices = new BoundedMap<string, DirectoryDevice>(100_000)
  readonly #managed = new BoundedMap<string, DirectoryDevice>(100_000)

  recordUser(user: DirectoryUser): void {
    this.#users.set(user.userPrincipalName.toLowerCase(), user)
  }

  recordDevice(device: DirectoryDevice): void {
    this.#devices.set(device.deviceId.toLowerCase(), device)
    if (device.managedDeviceId !== undefined)
      this.#managed.set(device.managedDeviceId.toLowerCase(), device)
  }

  findUser(userPrincipalName: string): DirectoryUser | undefined {
    return this.#users.get(userPrincipalName.toLowerCase())
  }

  findDevice(deviceId: string): DirectoryDevice | undefined {
    return this.#devices.get(deviceId.toLowerCase())
  }

  findManagedDevice(id: string): DirectoryDevice | undefined {
    return this.#managed.get(id.toLowerCase())
  }
}
