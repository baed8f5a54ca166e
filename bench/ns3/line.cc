// A line of routers between two hosts, UDP echoes from end to end: the reference for the simulator's own line.
// Usage: line ROUTERS ECHOES TRACE(0|1). Prints: transmissions seconds
#include <chrono>
#include <iostream>
#include "ns3/applications-module.h"
#include "ns3/core-module.h"
#include "ns3/csma-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"

using namespace ns3;

int main(int argc, char **argv) {
  const uint32_t routers = std::stoul(argv[1]);
  const uint32_t echoes = std::stoul(argv[2]);
  const bool trace = argc > 3 && argv[3][0] == '1';
  NodeContainer nodes;
  nodes.Create(routers + 2);
  InternetStackHelper stack;
  stack.Install(nodes);
  CsmaHelper csma;
  csma.SetChannelAttribute("DataRate", StringValue("10Gbps"));
  csma.SetChannelAttribute("Delay", TimeValue(NanoSeconds(1000)));
  Ipv4AddressHelper address;
  Ipv4InterfaceContainer last;
  for (uint32_t i = 0; i + 1 < nodes.GetN(); i++) {
    NetDeviceContainer pair = csma.Install(NodeContainer(nodes.Get(i), nodes.Get(i + 1)));
    std::ostringstream base;
    base << "10." << i << ".0.0";
    address.SetBase(base.str().c_str(), "255.255.255.0");
    last = address.Assign(pair);
  }
  Ipv4GlobalRoutingHelper::PopulateRoutingTables();
  UdpEchoServerHelper server(9);
  server.Install(nodes.Get(nodes.GetN() - 1)).Start(Seconds(0));
  UdpEchoClientHelper client(last.GetAddress(1), 9);
  client.SetAttribute("MaxPackets", UintegerValue(echoes));
  client.SetAttribute("Interval", TimeValue(MilliSeconds(1)));
  client.SetAttribute("PacketSize", UintegerValue(56));
  client.Install(nodes.Get(0)).Start(Seconds(1));
  if (trace) {
    AsciiTraceHelper ascii;
    csma.EnableAsciiAll(ascii.CreateFileStream("/dev/null"));
  }
  const auto begin = std::chrono::steady_clock::now();
  Simulator::Stop(Seconds(2 + echoes / 1000.0));
  Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << 2ull * (routers + 1) * echoes << " " << took.count() << std::endl;
  Simulator::Destroy();
}
