import { findCurrent } from '../ca/index.ts'
import type { Configuration } from '../config/index.ts'
import {
  type Captures,
  createScepEnrolment,
  type EnrolmentPorts,
  type EnrolmentProfile,
} from '../connector/index.ts'
import type { ScepEndpoint } from '../http/index.ts'
import { type ComposedAuthorities, caCertificatesOf } from './authorities.ts'
import { createNextCaAnswer } from './next-ca.ts'

/**
 * By profile, what its SCEP URL answers with: capabilities, CA certificates, and the enrolment, which captures may watch.
 */
export function composeEndpoints(
  configuration: Configuration,
  profiles: ReadonlyMap<string, EnrolmentProfile>,
  authorities: ComposedAuthorities,
  ports: EnrolmentPorts,
  captures: Captures,
): ReadonlyMap<string, ScepEndpoint> {
  const single = new Set(
    configuration.profiles.filter(({ singleCaCert }) => singleCaCert).map(({ name }) => name),
  )
  const landing = new Set(
    configuration.profiles.filter(({ ndes }) => ndes.landing === 'page').map(({ name }) => name),
  )
  const caIds = new Map(configuration.profiles.map(({ name, ca }) => [name, ca]))
  const { clock } = ports
  return new Map(
    [...profiles].map(([name, profile]) => {
      const composed = authorities.get(caIds.get(name) ?? '')
      return [
        name,
        {
          name,
          capabilities: profile.capabilities,
          singleCaCert: single.has(name),
          landingPage: landing.has(name),
          caCertificates: () =>
            composed === undefined
              ? []
              : caCertificatesOf(
                  composed,
                  findCurrent(composed.authority.generations, clock.now()),
                ),
          ...(composed === undefined
            ? {}
            : { nextCaCertificates: createNextCaAnswer(composed, clock) }),
          enrol: captures.wrap(profile, createScepEnrolment(profile, ports)),
        },
      ]
    }),
  )
}
